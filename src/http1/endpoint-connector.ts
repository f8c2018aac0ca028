import type { Duplex } from "node:stream";
import { SocketTransport } from "../net/socket-transport.ts";
import type { Transport, TransportOwner } from "../net/transport.ts";
import { TransportDuplex } from "../net/transport-duplex.ts";
import type { EndpointLease } from "../proxy/port/endpoint-lease.ts";
import type { ProxyContext } from "../proxy/proxy-context.ts";
import type { TlsClient } from "../upstream/tls-client.ts";

/** @returns who opens secure connections to the lease's endpoint, undefined where it is clear text. */
export type EndpointTlsLookup = (lease: EndpointLease) => TlsClient | undefined;

/** The endpoint could not be connected to: it certainly has not seen the request. */
export class ConnectError extends Error {
  constructor(reason: string) {
    super(`cannot connect: ${reason}`);
  }
}

/** What node:http's Agent expects of a connection beside what every stream has. Idle ones are closed soon in any case. */
class EndpointConnection extends TransportDuplex {
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** Connections of HTTP/1.1 to endpoints, over the same transports as everything else. */
export class EndpointConnector {
  readonly #context: ProxyContext;
  readonly #tlsOf: EndpointTlsLookup;

  constructor(context: ProxyContext, tlsOf: EndpointTlsLookup) {
    this.#context = context;
    this.#tlsOf = tlsOf;
  }

  /** Dials. `done` is called once: with a connection that stands, or with a {@link ConnectError}. The lease is told how it went. */
  connect(lease: EndpointLease, done: (error: Error | null, connection?: Duplex) => void): void {
    const { engine, area } = this.#context;
    const { slab } = engine;
    const tls = this.#tlsOf(lease);
    const dial = new Dial(lease, done);
    // The time limit begins when the dial does: it may have to wait for the handshakes of others.
    const transport: Transport =
      tls === undefined
        ? SocketTransport.connect(slab, area, lease.address, lease.port, dial)
        : tls.dial(slab, area, lease, "http/1.1", dial, () => dial.begin());
    dial.made(transport, () => new EndpointConnection(slab, area, transport));
    if (tls === undefined) dial.begin();
  }
}

/** Waits for a connection to stand. */
class Dial implements TransportOwner {
  readonly #lease: EndpointLease;
  readonly #done: (error: Error | null, connection?: Duplex) => void;
  #timer: NodeJS.Timeout | undefined;
  #transport: Transport | undefined;
  #adopt: () => Duplex = () => {
    throw new Error("connected before it was dialled");
  };

  constructor(lease: EndpointLease, done: (error: Error | null, connection?: Duplex) => void) {
    this.#lease = lease;
    this.#done = done;
  }

  made(transport: Transport, adopt: () => Duplex): void {
    this.#transport = transport;
    this.#adopt = adopt;
  }

  begin(): void {
    this.#timer = setTimeout(() => this.#transport?.destroy(), this.#lease.connectTimeoutMs);
  }

  onConnected(): void {
    clearTimeout(this.#timer);
    this.#lease.connected();
    this.#done(null, this.#adopt());
  }

  onClose(error: Error | undefined): void {
    clearTimeout(this.#timer);
    this.#lease.connectFailed(error);
    this.#done(new ConnectError(error?.message ?? "it took too long"));
  }

  onRead(): void {
    // Nothing is read before it stands.
  }

  onReleased(): void {
    // Nothing is written before it stands.
  }

  onEnd(): void {
    // The end comes to who adopts it.
  }
}
