import { once } from "node:events";
import type { Http2SecureServer, SecureServerOptions, ServerHttp2Stream } from "node:http2";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";

/** An HTTP/2 server over TLS that echoes, and knows who connected. */
export class TlsBackend {
  /** Connections whose handshake was completed, in order, also those that have ended. */
  readonly connections: { readonly resumed: boolean; readonly client: string; readonly socket: TLSSocket }[] =
    [];
  readonly #server: Http2SecureServer;

  private constructor(options: SecureServerOptions) {
    this.#server = createSecureServer(options);
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      const client = String(socket.getPeerCertificate()?.subject?.CN ?? "");
      this.connections.push({ resumed: socket.isSessionReused(), client, socket });
    });
    this.#server.on("sessionError", () => {});
    this.#server.on("stream", (stream: ServerHttp2Stream) => {
      stream.on("error", () => {});
      if (stream.destroyed) return;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.pipe(stream);
    });
  }

  static async start(options: SecureServerOptions): Promise<TlsBackend> {
    const backend = new TlsBackend(options);
    backend.#server.listen(0, "127.0.0.1");
    await once(backend.#server, "listening");
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    for (const { socket } of this.connections) socket.destroy();
  }
}
