import { Duplex } from "node:stream";
import type { Slab } from "../base/slab.ts";
import type { ReadArea } from "./read-area.ts";
import type { Transport, TransportOwner } from "./transport.ts";

const PART_OCTETS = 65_536;
/** Parts of one chunk that may be with the transport at once. */
const MAX_PARTS = 4;
const LINGER_MS = 1000;

/** What may be told about the peer of a {@link TransportDuplex}. */
export interface TransportDuplexOptions {
  /** For what reads it as of a socket, such as node:http's `request.socket`. */
  readonly remoteAddress?: string;
  /** How long the peer may take to close after we have, in ms. Default 1,000. */
  readonly lingerMs?: number;
}

/**
 * A transport as a stream of Node, to hand a connection to code that wants one: node:http, node:http2, a pipeline. Backpressure is
 * that of the transport: a chunk is written when its last octet has left.
 */
export class TransportDuplex extends Duplex implements TransportOwner {
  readonly remoteAddress: string | undefined;
  readonly #slab: Slab;
  readonly #area: ReadArea;
  readonly #transport: Transport;
  readonly #lingerMs: number;
  readonly #kept: number[] = [];
  #chunk: Buffer | undefined;
  #chunkFrom = 0;
  #written: ((error?: Error | null) => void) | undefined;

  /** Adopts the transport. A former owner passes on what it was just told of by calling {@link onRead}. */
  constructor(slab: Slab, area: ReadArea, transport: Transport, options: TransportDuplexOptions = {}) {
    super({ allowHalfOpen: true });
    this.#slab = slab;
    this.#area = area;
    this.#transport = transport;
    this.remoteAddress = options.remoteAddress;
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
    transport.adopt(this);
  }

  onRead(length: number): void {
    if (this.destroyed) return;
    if (!this.push(Buffer.from(this.#area.buffer.subarray(0, length)))) this.#transport.pause();
  }

  override _read(): void {
    this.#transport.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, written: (error?: Error | null) => void): void {
    this.#chunk = chunk;
    this.#chunkFrom = 0;
    this.#written = written;
    this.#pump();
  }

  onReleased(): void {
    const block = this.#kept.shift();
    if (block !== undefined) this.#slab.free(block);
    this.#pump();
  }

  #pump(): void {
    const chunk = this.#chunk;
    while (chunk !== undefined && this.#chunkFrom < chunk.length && this.#kept.length < MAX_PARTS) {
      const octets = Math.min(chunk.length - this.#chunkFrom, PART_OCTETS);
      const block = this.#slab.alloc(octets);
      if (block === 0) {
        this.destroy(new Error("the octet budget has no block for what is to be written"));
        return;
      }
      chunk.copy(this.#slab.bytes, block, this.#chunkFrom, this.#chunkFrom + octets);
      this.#chunkFrom += octets;
      if (this.#transport.write(block, octets)) this.#slab.free(block);
      else this.#kept.push(block);
    }
    if (this.#kept.length > 0 || chunk === undefined || this.#chunkFrom < chunk.length) return;
    const written = this.#written;
    this.#chunk = this.#written = undefined;
    written?.();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#transport.end(this.#lingerMs);
    done();
  }

  onConnected(): void {
    this.emit("connect");
  }

  onEnd(): void {
    this.push(null);
  }

  onClose(error: Error | undefined): void {
    for (const block of this.#kept.splice(0)) this.#slab.free(block);
    this.destroy(error);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#transport.destroy();
    const written = this.#written;
    this.#chunk = this.#written = undefined;
    written?.(error ?? new Error("the connection was closed"));
    done(error);
  }
}
