import type { TLSSocket } from "node:tls";
import { connect } from "node:tls";
import http2Wrapper from "http2-wrapper";
import type { EndpointLease } from "../proxy/port/endpoint-lease.ts";
import type { EndpointTlsLookup } from "./endpoint-connector.ts";

/** An endpoint that is redeployed at the same address may speak something else. */
const KNOWN_FOR_MS = 300_000;
const MAX_KNOWN = 4096;

type Resolve = (options: object) => Promise<{ alpnProtocol: string | false | null }>;
/** What the package's types leave out: its cache and its way to connect can be given. */
type CreateResolve = (
  cache: Map<string, string>,
  queue: Map<string, unknown>,
  connectTls: (options: object, connected: () => void) => TLSSocket,
) => Resolve;

const { createResolveProtocol } = http2Wrapper.auto as unknown as { createResolveProtocol: CreateResolve };

/** What endpoints with TLS speak: asked once for each by ALPN (http2-wrapper's `resolveProtocol`), and remembered. */
export class EndpointProtocols {
  readonly #tlsOf: EndpointTlsLookup;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, { readonly resolve: Resolve; readonly untilMs: number }>();

  constructor(tlsOf: EndpointTlsLookup, nowMs: () => number) {
    this.#tlsOf = tlsOf;
    this.#nowMs = nowMs;
  }

  /**
   * @returns whether the endpoint speaks HTTP/2. Many who ask at once cause one handshake.
   * @throws Error when it cannot be connected to, or is not who it should be; the next one asks again.
   */
  async speaksHttp2(lease: EndpointLease): Promise<boolean> {
    const key = `${lease.slot} ${lease.address} ${lease.port} ${lease.cluster.snapshot.tlsIdentity}`;
    let known = this.#known.get(key);
    if (known === undefined || known.untilMs <= this.#nowMs()) {
      // The oldest goes: a Map keeps the order of insertion.
      if (this.#known.size >= MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
      known = { resolve: this.#resolver(lease), untilMs: this.#nowMs() + KNOWN_FOR_MS };
      this.#known.delete(key);
      this.#known.set(key, known);
    }
    try {
      const { alpnProtocol } = await known.resolve({
        host: lease.address,
        port: lease.port,
        ALPNProtocols: ["h2", "http/1.1"],
        timeout: lease.connectTimeoutMs,
      });
      return alpnProtocol === "h2";
    } catch (error) {
      this.#known.delete(key);
      throw error;
    }
  }

  #resolver(lease: EndpointLease): Resolve {
    const tls = this.#tlsOf(lease);
    return createResolveProtocol(new Map(), new Map(), (options, connected) => {
      const socket = connect({ ...tls?.optionsToAsk(), ...options }, connected);
      const timer = setTimeout(
        () => socket.destroy(new Error("the handshake took too long")),
        lease.connectTimeoutMs,
      );
      socket.once("close", () => clearTimeout(timer));
      // One that closes without an error, which the package does not look for, would never be answered.
      socket.once(
        "close",
        () => socket.listenerCount("error") > 0 && socket.emit("error", new Error("closed")),
      );
      return socket;
    });
  }
}
