import { once } from "node:events";
import type { ClientHttp2Session, Http2Server, ServerOptions } from "node:http2";
import { connect as connectHttp2, createServer as createHttp2Server, createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTcp, createServer } from "node:net";
import type { Duplex } from "node:stream";
import { duplexPair } from "node:stream";
import type { TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { Slab } from "../../src/base/slab.ts";
import { DuplexTransport } from "../../src/net/duplex-transport.ts";
import { HandshakeGate } from "../../src/net/handshake-gate.ts";
import { ReadArea } from "../../src/net/read-area.ts";
import { SocketTransport } from "../../src/net/socket-transport.ts";
import { StreamTransport } from "../../src/net/stream-transport.ts";
import { TlsTransport } from "../../src/net/tls-transport.ts";
import type { Transport, TransportOwner } from "../../src/net/transport.ts";
import { TestAuthority } from "./test-authority.ts";

/** What carries the octets of the engine: TCP by onread, TCP by data events, TLS, TLS by data events, a pipe in memory. */
export const CARRIER_NAMES = ["onread", "data", "tls", "tls-data", "duplex"] as const;

export type CarrierName = (typeof CARRIER_NAMES)[number];

/** What a pipe in memory takes before it makes its writer wait: little, so that it often does. */
const PIPE_OCTETS = 4096;

type Open = (owner: TransportOwner) => Transport;

let authority: TestAuthority | undefined;
let certificate: ReturnType<TestAuthority["issue"]> | undefined;

/** One kind of transport with real peers at its other end. */
export class Carrier {
  readonly area: ReadArea;
  readonly #slab: Slab;
  readonly #name: CarrierName;
  readonly #t: TestContext;

  constructor(t: TestContext, slab: Slab, name: CarrierName) {
    this.#t = t;
    this.#slab = slab;
    this.#name = name;
    this.area = new ReadArea(slab, name === "data" || name === "tls-data" ? "data" : "onread");
    if (this.#secure) {
      authority ??= new TestAuthority();
      certificate ??= authority.issue({ subjectAltNames: ["DNS:localhost"] });
    }
  }

  get #secure(): boolean {
    return this.#name.startsWith("tls");
  }

  /** Serves as the engine does. @returns how a peer gets a connection to it. */
  async listen(onAccepted: (open: Open) => void): Promise<() => Duplex> {
    const { area } = this;
    const slab = this.#slab;
    const overStream = (stream: Duplex) => (owner: TransportOwner) =>
      new StreamTransport(slab, area, stream, owner, { dataEvents: true, foreign: false });
    if (this.#name === "duplex") {
      return () => {
        const [ours, theirs] = duplexPair({ highWaterMark: PIPE_OCTETS });
        onAccepted((owner) => new DuplexTransport(slab, area, ours, owner));
        return theirs;
      };
    }
    const server = this.#secure
      ? createTlsServer(
          { ...certificate!, ALPNProtocols: ["h2"], allowHalfOpen: true, noDelay: true },
          (socket) => onAccepted(overStream(socket)),
        )
      : createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
          onAccepted((owner) => SocketTransport.accept(slab, area, socket, owner)),
        );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    return () => this.#dialTcp(port);
  }

  #dialTcp(port: number): Socket | TLSSocket {
    const target = { port, host: "127.0.0.1", noDelay: true };
    if (!this.#secure) return connectTcp(target);
    return connectTls({ ...target, ca: authority!.ca, servername: "localhost", ALPNProtocols: ["h2"] });
  }

  /** @returns a node:http2 client at the other end of `dial`. */
  http2Client(dial: () => Duplex): ClientHttp2Session {
    return connectHttp2(`${this.#secure ? "https" : "http"}://localhost`, { createConnection: dial });
  }

  /** A node:http2 server. @returns how the engine dials it. */
  async http2Server(options: ServerOptions, setUp: (server: Http2Server) => void): Promise<Open> {
    const server = this.#secure
      ? createSecureServer({ ...options, ...certificate! })
      : createHttp2Server(options);
    setUp(server as Http2Server);
    if (this.#name === "duplex") {
      return (owner) => {
        const [ours, theirs] = duplexPair({ highWaterMark: PIPE_OCTETS });
        server.emit("connection", theirs);
        const transport = new DuplexTransport(this.#slab, this.area, ours, owner);
        process.nextTick(() => owner.onConnected());
        return transport;
      };
    }
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#t.after(() => server.close());
    return this.dial((server.address() as AddressInfo).port);
  }

  /** @returns how the engine dials a port. */
  dial(port: number): Open {
    const { area } = this;
    const slab = this.#slab;
    if (!this.#secure) return (owner) => SocketTransport.connect(slab, area, "127.0.0.1", port, owner);
    const options = () => ({ ca: authority!.ca, servername: "localhost" });
    const target = { address: "127.0.0.1", port, options, alpn: "h2" };
    return (owner) => new TlsTransport(slab, area, target, new HandshakeGate(1), owner, () => {});
  }
}
