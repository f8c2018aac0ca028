import { connect, Socket } from "node:net";
import type { Slab } from "../base/slab.ts";
import type { ReadArea } from "./read-area.ts";
import type { Transport, TransportOwner } from "./transport.ts";

const EMPTY = Buffer.alloc(0);

/** A socket as libuv's stream wrapper holds it: undocumented, so it is used in this file alone. */
interface HandleHolder {
  _handle: unknown;
}

/**
 * TCP (or a unix socket) by `onread`: libuv reads straight into the read area, no Buffer is made for each read.
 */
export class SocketTransport implements Transport {
  readonly #slab: Slab;
  readonly #socket: Socket;
  #owner: TransportOwner;
  readonly #onReleased = (): void => this.#owner.onReleased();
  #open = true;
  #error: Error | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  private constructor(slab: Slab, socket: Socket, owner: TransportOwner) {
    this.#slab = slab;
    this.#socket = socket;
    this.#owner = owner;
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      this.#error = error;
      this.#open = false;
    });
    socket.on("end", () => this.#owner.onEnd());
    socket.on("close", () => {
      clearTimeout(this.#lingerTimer);
      this.#owner.onClose(this.#error);
    });
  }

  /**
   * Takes over an accepted socket. `net.Server` makes sockets without `onread` and offers no way to ask for it, so the
   * handle moves to a socket of our own. The server must have been made with `pauseOnConnect`.
   */
  static accept(slab: Slab, area: ReadArea, accepted: Socket, owner: TransportOwner): SocketTransport {
    const holder = accepted as unknown as HandleHolder;
    const handle = holder._handle;
    holder._handle = null;
    const socket = new Socket({
      handle,
      allowHalfOpen: true,
      onread: { buffer: area.buffer, callback: (length: number) => transport.#read(length) },
    } as unknown as ConstructorParameters<typeof Socket>[0]);
    const transport: SocketTransport = new SocketTransport(slab, socket, owner);
    socket.resume();
    return transport;
  }

  /** Dials an address; `onConnected` or `onClose` follows. */
  static connect(
    slab: Slab,
    area: ReadArea,
    host: string,
    port: number,
    owner: TransportOwner,
  ): SocketTransport {
    const socket: Socket = connect({
      host,
      port,
      noDelay: true,
      allowHalfOpen: true,
      onread: { buffer: area.buffer, callback: (length) => transport.#read(length) },
    });
    const transport: SocketTransport = new SocketTransport(slab, socket, owner);
    socket.once("connect", () => transport.#owner.onConnected());
    return transport;
  }

  #read(length: number): boolean {
    this.#owner.onRead(length);
    return true;
  }

  adopt(owner: TransportOwner): void {
    this.#owner = owner;
  }

  get open(): boolean {
    return this.#open;
  }

  /** The peer's address, for logs. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  write(offset: number, length: number): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    socket.write(this.#slab.bytes.subarray(offset, offset + length));
    // libuv writes small things at once; if so, the stream has nothing buffered and the block is free again.
    if (socket.writableLength === 0) return true;
    socket.write(EMPTY, this.#onReleased);
    return false;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(lingerMs: number): void {
    this.#open = false;
    if (this.#socket.destroyed) return;
    // Closing with unread input would make the kernel answer with RST, which discards what we said last (GOAWAY).
    this.#socket.end();
    this.#lingerTimer ??= setTimeout(() => this.#socket.destroy(), lingerMs);
  }

  destroy(): void {
    this.#open = false;
    this.#socket.destroy();
  }
}
