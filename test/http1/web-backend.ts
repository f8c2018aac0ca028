import { once } from "node:events";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A backend of HTTP/1.1 that says what it got, or what a test wants. */
export class WebBackend {
  requests = 0;
  open = 0;
  /** Fields of the last request: names and values by turns, as they came. */
  fields: readonly string[] = [];
  trailers: readonly string[] = [];
  aborted = 0;
  connections = 0;
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(listener: RequestListener) {
    this.server = createServer((request, response) => {
      this.requests++;
      this.fields = request.rawHeaders;
      this.open++;
      response.on("close", () => {
        this.open--;
        if (!response.writableFinished) this.aborted++;
      });
      request.on("error", () => {});
      request.on("end", () => {
        this.trailers = request.rawTrailers;
      });
      listener(request, response);
    });
    this.server.on("connection", (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(listener: RequestListener = echo): Promise<WebBackend> {
    const backend = new WebBackend(listener);
    backend.server.listen(0, "127.0.0.1");
    await once(backend.server, "listening");
    return backend;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that stand. */
  get sockets(): number {
    return this.#sockets.size;
  }

  /** Closes connections from its side. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): void {
    this.server.close();
    this.drop();
  }
}

/** @returns the whole body. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

const echo: RequestListener = (request, response) => {
  void bodyOf(request).then(
    (body) => response.end(`${request.method} ${request.url} ${body.length}`),
    () => {},
  );
};
