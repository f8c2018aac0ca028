import { rm } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { SocketAddress } from "../config/socket-address.ts";
import { removeStaleSocket } from "./stale-socket.ts";

/** Answers one request; what it throws or rejects with becomes a 500. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const REQUEST_LIMIT_MS = 5_000;
const IDLE_LIMIT_MS = 5_000;
const MAX_HEADER_OCTETS = 8_192;
/** Scrapers and probes keep one each; a flood must not eat the descriptors of the data plane. */
const MAX_CONNECTIONS = 100;

// Not by import: that reads every export of node:http, the getters of WebSocket and friends among them, which load a
// WebSocket and fetch implementation of 12 MB.
const { createServer } = process.getBuiltinModule("node:http");

/** A small HTTP/1.1 server with limits on everything a peer could make it hold. */
export class HttpServer {
  readonly #server: Server;
  #unixPath: string | undefined;

  constructor(handler: RequestHandler) {
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_OCTETS,
        requestTimeout: REQUEST_LIMIT_MS,
        headersTimeout: REQUEST_LIMIT_MS,
        keepAliveTimeout: IDLE_LIMIT_MS,
        connectionsCheckingInterval: 1_000,
      },
      (request, response) => void this.#answer(handler, request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * @returns the port as bound; 0 for a unix socket.
   * @throws the system's error when the address cannot be bound.
   */
  async listen(address: SocketAddress): Promise<number> {
    // A socket file outlives its process; only another process that still answers may keep us out.
    if (address.kind === "unix") await removeStaleSocket(address.path);
    await new Promise<void>((resolve, reject) => {
      const server = this.#server;
      const options =
        address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
      // It may be tried again: neither listener may stay behind.
      const onListening = (): void => {
        server.off("error", onError);
        resolve();
      };
      const onError = (error: Error): void => {
        server.off("listening", onListening);
        reject(error);
      };
      server.once("listening", onListening).once("error", onError).listen(options);
    });
    if (address.kind === "unix") {
      this.#unixPath = address.path;
      return 0;
    }
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and drops every connection. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    if (this.#unixPath !== undefined) await rm(this.#unixPath, { force: true });
  }

  async #answer(handler: RequestHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Nothing here takes a body: it is read and forgotten, within the time limit of the request.
    request.resume();
    try {
      await handler(request, response);
    } catch {
      if (!response.headersSent) sendText(response, 500, "internal error\n");
      else response.destroy();
    }
  }
}

/** Sends a whole answer; the caller has written no header yet. */
export function sendText(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(body);
}
