import { connect, Socket } from "node:net";
import type { Slab } from "../base/slab.ts";
import type { ReadArea } from "./read-area.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { TransportOwner } from "./transport.ts";

const EMPTY = Buffer.alloc(0);
const BY_ONREAD = { dataEvents: false, foreign: false } as const;
const BY_DATA = { dataEvents: true, foreign: false } as const;

/** A socket as libuv's stream wrapper holds it: undocumented, so it is used in this file alone. */
interface HandleHolder {
  _handle: unknown;
}

/**
 * TCP or a unix socket, read as the read area says: by `onread`, where libuv reads straight into the area and no Buffer is
 * made for each read, or by `data` events.
 */
export class SocketTransport extends StreamTransport {
  readonly #socket: Socket;

  private constructor(slab: Slab, area: ReadArea, socket: Socket, owner: TransportOwner) {
    super(slab, area, socket, owner, area.reads === "data" ? BY_DATA : BY_ONREAD);
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  /**
   * Takes over an accepted socket. `net.Server` makes sockets without `onread` and offers no way to ask for it, so the
   * handle moves to a socket of our own. The server must have been made with `pauseOnConnect` and `allowHalfOpen`.
   */
  static accept(slab: Slab, area: ReadArea, accepted: Socket, owner: TransportOwner): SocketTransport {
    const socket =
      area.reads === "data" ? accepted : rewrap(accepted, area, (length) => transport.#read(length));
    const transport: SocketTransport = new SocketTransport(slab, area, socket, owner);
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
    const target = { host, port, noDelay: true, allowHalfOpen: true };
    const socket: Socket =
      area.reads === "data"
        ? connect(target)
        : connect({
            ...target,
            onread: { buffer: area.buffer, callback: (length) => transport.#read(length) },
          });
    const transport: SocketTransport = new SocketTransport(slab, area, socket, owner);
    socket.once("connect", () => transport.owner.onConnected());
    return transport;
  }

  /** A paused socket stops on the spot, so what is read is always wanted. */
  #read(length: number): boolean {
    this.area.inUse = true;
    this.owner.onRead(length);
    this.area.inUse = false;
    return true;
  }

  /** The peer's address, for logs. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  override destroy(reset = false): void {
    super.destroy(reset && this.#resetHandle());
  }

  /** Closes a TCP socket with RST. Other handles know no such thing. */
  #resetHandle(): boolean {
    const socket = this.#socket;
    const handle = (socket as unknown as HandleHolder)._handle as { reset?: unknown } | null;
    if (socket.destroyed || socket.connecting || typeof handle?.reset !== "function") return false;
    socket.resetAndDestroy();
    return true;
  }

  override write(offset: number, length: number): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    socket.write(this.slab.bytes.subarray(offset, offset + length));
    // libuv writes small things at once; if so, the stream has nothing buffered and the block is free again.
    if (socket.writableLength === 0) return true;
    socket.write(EMPTY, this.onReleased);
    return false;
  }
}

/** Moves a paused socket's handle to a new socket that reads into the area. */
function rewrap(accepted: Socket, area: ReadArea, onRead: (length: number) => boolean): Socket {
  const holder = accepted as unknown as HandleHolder;
  const handle = holder._handle;
  holder._handle = null;
  return new Socket({
    handle,
    allowHalfOpen: true,
    onread: { buffer: area.buffer, callback: onRead },
  } as unknown as ConstructorParameters<typeof Socket>[0]);
}
