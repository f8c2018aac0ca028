import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { data, frame, headers, PREFACE, readFrames, SETTINGS_ACK, settings } from "../support/frames.ts";
import { literalBlock, RESPONSE, TRAILERS } from "../support/literal-block.ts";

/** One connection of a {@link ScriptedServer}, seen from the server. */
export class ServerConnection {
  readonly socket: Socket;
  /** What the proxy has said, a line for each frame. */
  readonly heard: string[] = [];
  /** The debug text of its GOAWAY. */
  goodbye = "";
  readonly #onRequest: (connection: ServerConnection, id: number) => void;
  #rest: Buffer = Buffer.alloc(0);
  #preface = PREFACE.length;
  readonly #known = new Set<number>();

  constructor(socket: Socket, onRequest: (connection: ServerConnection, id: number) => void) {
    this.socket = socket;
    this.#onRequest = onRequest;
    socket.on("error", () => {});
    socket.on("data", (octets: Buffer) => this.#read(octets));
  }

  send(...octets: readonly Uint8Array[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(octets));
  }

  /** Sends a whole gRPC answer. */
  answer(id: number): void {
    this.send(headers(id, literalBlock(RESPONSE)), data(id, "12345"));
    this.send(headers(id, literalBlock(TRAILERS), { end: true }));
  }

  #read(octets: Buffer): void {
    let rest = Buffer.concat([this.#rest, octets]);
    const preface = Math.min(this.#preface, rest.length);
    this.#preface -= preface;
    rest = rest.subarray(preface);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const size = 9 + rest.readUIntBE(0, 3);
      this.#take(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    this.#rest = rest;
  }

  #take(octets: Buffer): void {
    const read = readFrames(octets)[0]!;
    this.heard.push(read.text);
    if (read.text === "SETTINGS") this.send(SETTINGS_ACK);
    if (read.text === "PING") this.send(frame("PING", 1, 0, read.payload));
    if (read.type === "GOAWAY") this.goodbye = read.payload.subarray(8).toString();
    if (read.type !== "HEADERS" || this.#known.has(read.id)) return;
    this.#known.add(read.id);
    this.#onRequest(this, read.id);
  }
}

/** A server that says whatever a test wants, octet by octet, right or wrong. */
export class ScriptedServer {
  readonly connections: ServerConnection[] = [];
  /** What it does with the next requests. */
  onRequest: (connection: ServerConnection, id: number) => void = (connection, id) => connection.answer(id);
  /** What it says first on a new connection. */
  greeting: readonly Uint8Array[] = [settings()];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      const connection = new ServerConnection(socket, (from, id) => this.onRequest(from, id));
      this.connections.push(connection);
      connection.send(...this.greeting);
    });
  }

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    for (const { socket } of this.connections) socket.destroy();
  }
}
