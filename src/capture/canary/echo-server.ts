import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import { Channel } from "./channel.ts";
import { Flag, FrameType, PREFACE, writeFields, writeFrame } from "./frames.ts";

/** Headers that are given back, such as the worker's index. */
const REFLECTED = "x-isobar-";
/** More connections than proxies and their workers on a node ever hold. */
const MOST_CONNECTIONS = 1024;
/** Streams of one connection that have not ended; a canary is one at a time. */
const MOST_STREAMS = 1024;

const SETTINGS_HEADER_TABLE_SIZE = 1;
const EMPTY_MESSAGE = Buffer.alloc(5);

/**
 * The endpoint at the far end of the canary: what has come to it has gone through a proxy's data path. Answers every gRPC request with an
 * empty message and the request's own `x-isobar-*` headers.
 */
export class EchoServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on("error", () => {});
  }

  /** @returns the port on 127.0.0.1 at which it listens now. */
  async open(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Closes it and all connections. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    const open = new Map<number, ReadonlyMap<string, string>>();
    const channel = new Channel(socket, {
      fields: (stream, fields) => {
        // Trailers do not take the place of headers.
        if (!open.has(stream)) open.set(stream, fields);
        if (open.size > MOST_STREAMS) socket.destroy();
      },
      end: (stream) => {
        const fields = open.get(stream);
        open.delete(stream);
        if (fields !== undefined) socket.write(answer(stream, fields));
      },
    });
    // Without a table of its own the proxy's encoder has nothing to refer to once this has arrived.
    const settings = Buffer.of(0, SETTINGS_HEADER_TABLE_SIZE, 0, 0, 0, 0);
    socket.write(writeFrame(FrameType.settings, 0, 0, settings));
    let missing = PREFACE.length;
    socket.on("data", (chunk: Buffer) => {
      const skipped = Math.min(missing, chunk.length);
      missing -= skipped;
      if (skipped < chunk.length) channel.receive(chunk.subarray(skipped));
    });
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

function answer(stream: number, fields: ReadonlyMap<string, string>): Buffer {
  const reflected = [...fields].filter(([name, value]) => name.startsWith(REFLECTED) && value.length < 64);
  const head = writeFields([[":status", "200"], ["content-type", "application/grpc"], ...reflected]);
  const trailers = writeFields([["grpc-status", "0"]]);
  return Buffer.concat([
    writeFrame(FrameType.headers, Flag.endHeaders, stream, head),
    writeFrame(FrameType.data, 0, stream, EMPTY_MESSAGE),
    writeFrame(FrameType.headers, Flag.endHeaders | Flag.endStream, stream, trailers),
  ]);
}
