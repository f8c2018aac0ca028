import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";

/**
 * The one address that clients know, as a Service with `internalTrafficPolicy: Local` has: new connections go to the proxy
 * named last, those that are open stay where they are. It passes on octets, half-closes and resets, and knows no HTTP/2.
 */
export class VirtualAddress {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #targetPort = 0;

  private constructor() {
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#pass(client));
  }

  static async open(): Promise<VirtualAddress> {
    const address = new VirtualAddress();
    address.#server.listen(0, "127.0.0.1");
    await once(address.#server, "listening");
    return address;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends new connections to this port of the loopback interface. */
  moveTo(port: number): void {
    this.#targetPort = port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }

  #pass(client: Socket): void {
    const proxy = connect({ host: "127.0.0.1", port: this.#targetPort, noDelay: true, allowHalfOpen: true });
    for (const [from, to] of [
      [client, proxy],
      [proxy, client],
    ] as const) {
      this.#open.add(from);
      from.on("error", () => to.resetAndDestroy());
      from.on("close", () => this.#open.delete(from));
      from.pipe(to);
    }
  }
}
