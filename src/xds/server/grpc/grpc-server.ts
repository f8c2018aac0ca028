import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { GrpcCall } from "./grpc-call.ts";
import type { Method } from "./grpc-connection.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import { GrpcSurroundings } from "./grpc-surroundings.ts";

/** What a {@link GrpcServer} needs to know before it exists. */
export interface GrpcServerOptions {
  /** Octets of a message at most. */
  readonly maxMessageOctets: number;
  /** Silence after which a client is asked whether it is there, and how long it may take to answer, in ms. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** How often silent connections are looked at, as a part of the time they may be silent. */
const LOOKS = 4;

/**
 * A gRPC server for streams that stand for hours and messages that come ready made, upon the proxy's own HTTP/2: a small message to a client and its answer cost
 * half of what they cost with Node's.
 */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #shared = new GrpcSurroundings();
  readonly #calls: (GrpcCall | undefined)[] = [];
  readonly #methods = new Map<string, Method>();
  readonly #connections = new Set<GrpcConnection>();
  readonly #timer: NodeJS.Timeout;
  #server: Server | undefined;
  #isClosed = false;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.keepaliveMs / LOOKS);
    this.#timer.unref();
  }

  /** @param path `/package.Service/Method`. */
  handle(path: string, method: Method): void {
    this.#methods.set(path, method);
  }

  /** Listens in clear text. @returns the port as bound. @throws when the address cannot be bound. */
  listen(host: string, port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.take(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        // Connections that could not be accepted are no reason to end: there will be others.
        server.on("error", () => {});
        resolve((server.address() as { readonly port: number }).port);
      });
    });
  }

  /** Serves a connection that has been made already. */
  take(socket: Socket): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    const connection = new GrpcConnection({
      shared: this.#shared,
      calls: this.#calls,
      socket,
      methods: this.#methods,
      maxMessageOctets: this.#options.maxMessageOctets,
      onGone: (gone) => this.#connections.delete(gone),
    });
    this.#connections.add(connection);
  }

  /** Has what was written go out now, and not when everything else of the loop's turn is done. */
  flush(): void {
    this.#shared.turn.flush();
  }

  /** Ends all connections at once. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    if (this.#server?.listening) this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #look(): void {
    const nowMs = performance.now();
    const { keepaliveMs, keepaliveTimeoutMs } = this.#options;
    for (const connection of this.#connections) connection.keepAlive(nowMs, keepaliveMs, keepaliveTimeoutMs);
  }
}
