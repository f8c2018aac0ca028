import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Http1Limits } from "../../src/http1/http1-limits.ts";
import { HTTP1_LIMITS } from "../../src/http1/http1-limits.ts";
import { Http1Server } from "../../src/http1/http1-server.ts";
import type { LocalProxyOptions } from "../proxy/fixture/local-proxy.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import { until } from "../proxy/fixture/until.ts";

/** The authority of the cluster most tests use. */
export const WEB = "web.test";

/** A local proxy whose HTTP/1.1 is handled by the real {@link Http1Server}. */
export class Http1Rig {
  readonly proxy: LocalProxy;
  readonly #handler: { current: Http1Server | undefined };

  private constructor(proxy: LocalProxy, handler: { current: Http1Server | undefined }) {
    this.proxy = proxy;
    this.#handler = handler;
  }

  /** @param options of the proxy beside its HTTP/1.1. */
  static async start(
    limits: Partial<Http1Limits> = {},
    options: Omit<LocalProxyOptions, "port"> = {},
  ): Promise<Http1Rig> {
    const handler: { current: Http1Server | undefined } = { current: undefined };
    const proxy = await LocalProxy.start({
      ...options,
      port: {
        loadHttp1: (services) => {
          handler.current = new Http1Server(services, { ...HTTP1_LIMITS, ...limits });
          return Promise.resolve(handler.current);
        },
      },
    });
    return new Http1Rig(proxy, handler);
  }

  get handler(): Http1Server {
    return this.#handler.current!;
  }

  get port(): number {
    return this.proxy.port;
  }

  /** Ends everything; fails when a connection, a stream, a counter or an octet is left behind. */
  async close(): Promise<void> {
    await until("no HTTP/1.1 connection left", () => (this.#handler.current?.connections ?? 0) === 0);
    await this.proxy.close();
  }
}

/** A client that says octets and collects what comes. */
export class RawHttp1Client {
  readonly socket: Socket;
  received = "";
  ended = false;

  /** @param localAddress whom it calls as; default: the machine. */
  constructor(port: number, host: string = "127.0.0.1", localAddress?: string) {
    const from = localAddress === undefined ? {} : { localAddress };
    this.socket = connect({ port, host, noDelay: true, ...from });
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text) => {
      this.received += text;
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.ended = true;
    });
  }

  say(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** Waits until what came contains `text`, as often as told. */
  async hears(text: string, times = 1): Promise<string> {
    await until(`"${text}" to come`, () => this.#count(text) >= times, {
      seen: () => JSON.stringify(this.received.slice(-1000)),
    });
    return this.received;
  }

  #count(text: string): number {
    let count = 0;
    for (let at = this.received.indexOf(text); at >= 0; at = this.received.indexOf(text, at + text.length))
      count++;
    return count;
  }

  async closed(): Promise<string> {
    await until("the connection to be closed", () => this.ended, {
      seen: () => JSON.stringify(this.received.slice(-1000)),
    });
    return this.received;
  }

  close(): void {
    this.socket.destroy();
  }
}
