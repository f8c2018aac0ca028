import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { createServer } from "node:tls";
import type { ClientCertificate, ServerIdentity } from "./server-identity.ts";

/** What a {@link TlsDoor} works with. */
export interface TlsDoorOptions {
  /** Takes a connection whose handshake is done, and whose client speaks HTTP/2. */
  readonly onConnection: (socket: TLSSocket) => void;
  /** A client did not get in, or did not want to. @param reason for people. */
  readonly onRefused: (peer: string, reason: string) => void;
}

/** A handshake that takes longer is given up. */
const HANDSHAKE_LIMIT_MS = 10_000;
/** More connections than streams there may be. */
const MAX_CONNECTIONS = 25_000;

/**
 * Takes TLS connections and hands them on. It stands before the gRPC server, because that one says nothing of handshakes that fail, and
 * because the clients of failed ones have to be named to whoever looks for them.
 */
export class TlsDoor {
  readonly #server: Server;
  /** Open connections that have not asked for anything yet. */
  readonly #silent = new Set<string>();
  readonly #open = new Map<string, TLSSocket>();

  constructor(identity: ServerIdentity, { onConnection, onRefused }: TlsDoorOptions) {
    const { cert, key, clientCa } = identity;
    this.#server = createServer({
      cert,
      key,
      ALPNProtocols: ["h2"],
      minVersion: "TLSv1.2",
      handshakeTimeout: HANDSHAKE_LIMIT_MS,
      // Who has no good certificate is told so in words, by the answer to its call.
      rejectUnauthorized: false,
      ...(clientCa === "" ? {} : { ca: clientCa, requestCert: true }),
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    // Asked for while it is known, which after a reset it is not.
    this.#server.prependListener("connection", ({ remoteAddress }: Socket) => void remoteAddress);
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      onRefused(peerOf(socket), reasonOf(error));
    });
    this.#server.on("secureConnection", (socket) => {
      const peer = peerOf(socket);
      this.#open.set(peer, socket);
      this.#silent.add(peer);
      // Errors end the connection, and the session upon it says so.
      socket.on("error", () => {});
      socket.on("close", () => {
        if (this.#open.get(peer) === socket) this.#open.delete(peer);
        if (this.#silent.delete(peer)) onRefused(peer, SILENT);
      });
      onConnection(socket);
    });
  }

  /** @returns the port as bound. @throws when the address cannot be bound. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        // Connections that could not be accepted are no reason to end: there will be others.
        this.#server.on("error", () => {});
        resolve((this.#server.address() as { readonly port: number }).port);
      });
    });
  }

  /** From now on connections are made with this; those that stand go on. */
  use({ cert, key, clientCa }: ServerIdentity): void {
    this.#server.setSecureContext({
      cert,
      key,
      minVersion: "TLSv1.2",
      ...(clientCa === "" ? {} : { ca: clientCa }),
    });
  }

  /** The client of this connection has asked for something: it took our certificate. */
  spoke(peer: string): void {
    this.#silent.delete(peer);
  }

  /** @returns the certificate that a client has shown; undefined if it has none, or is gone. */
  certificateOf(peer: string): ClientCertificate | undefined {
    const socket = this.#open.get(peer);
    const certificate = socket?.getPeerX509Certificate();
    if (socket === undefined || certificate === undefined) return undefined;
    const problem = socket.authorized ? "" : String(socket.authorizationError);
    return { problem, subjectAltNames: certificate.subjectAltName ?? "" };
  }

  /** Takes no further connections. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}

const LIKE =
  "as clients do that do not accept the control plane's certificate: its authority (caFile), the names in it (serverName) or its time";
const SILENT = `it went away after the TLS handshake without a word, ${LIKE}`;

/** What clients say as they leave. Source: RFC 8446 §6.2, in OpenSSL's words. */
const ALERTS: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/UNKNOWN_CA/, "it does not trust the authority of the control plane's certificate (caFile)"],
  [/BAD_CERTIFICATE|CERTIFICATE_UNKNOWN/, "it does not accept the control plane's certificate"],
  [/CERTIFICATE_EXPIRED/, "it finds the control plane's certificate expired"],
  [/WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH/, "it does not speak TLS"],
  [/UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER/, "it speaks no TLS from version 1.2"],
  [/NO_APPLICATION_PROTOCOL/, "it does not speak HTTP/2 (ALPN)"],
  [/HANDSHAKE_TIMEOUT|ECONNRESET/, `it gave up during the TLS handshake, ${LIKE}`],
];

function reasonOf({ code = "", message }: NodeJS.ErrnoException): string {
  return (
    ALERTS.find(([pattern]) => pattern.test(code))?.[1] ?? `the TLS handshake failed: ${code || message}`
  );
}

/** As gRPC names the peer of a call. A TLS socket that failed knows its address no more, but the one below it does. */
function peerOf(socket: Socket): string {
  const below = Reflect.get(socket, "_parent") as Socket | undefined;
  const { remoteAddress = "unknown", remotePort = 0 } =
    socket.remoteAddress === undefined && below ? below : socket;
  return `${remoteAddress}:${remotePort}`;
}
