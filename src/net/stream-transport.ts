import type { Duplex } from "node:stream";
import type { Slab } from "../base/slab.ts";
import type { ReadArea } from "./read-area.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** How a {@link StreamTransport} treats its stream. */
export interface StreamTraits {
  /** True where octets come by `data` events; false where the stream fills the read area by itself (`onread`). */
  readonly dataEvents: boolean;
  /**
   * True for streams that are JavaScript to the end: they may keep what is written after they called back, so it is copied;
   * and they may answer within our write, so what they say waits until nothing else is running.
   */
  readonly foreign: boolean;
}

/**
 * A transport over any stream of Node, by public API alone. Chunks may be larger than the read area: they are told in
 * parts, and what a paused owner has not seen yet waits here, while the stream is paused too.
 */
export class StreamTransport implements Transport {
  protected readonly slab: Slab;
  protected readonly area: ReadArea;
  protected readonly stream: Duplex;
  protected owner: TransportOwner;
  /** A write has left, or never will. Nothing is told after the end. */
  protected readonly onReleased = (): void => {
    if (!this.#closed) this.owner.onReleased();
  };
  readonly #foreign: boolean;
  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#deliver();
  };
  /** Chunks that came and were not told yet, and where the rest of the first one starts. */
  readonly #held: Buffer[] = [];
  #heldFrom = 0;
  #paused = false;
  #scheduled = false;
  #ended = false;
  #open = true;
  #closed = false;
  #error: Error | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(slab: Slab, area: ReadArea, stream: Duplex, owner: TransportOwner, traits: StreamTraits) {
    this.slab = slab;
    this.area = area;
    this.stream = stream;
    this.owner = owner;
    this.#foreign = traits.foreign;
    stream.on("error", (error) => {
      this.#error = error;
      this.#open = false;
    });
    stream.on("end", () => {
      this.#ended = true;
      if (this.#held.length === 0) this.owner.onEnd();
    });
    stream.on("close", () => this.#close());
    if (traits.dataEvents) stream.on("data", (chunk: Buffer) => this.#take(chunk));
    if (stream.closed) process.nextTick(() => this.#close());
  }

  adopt(owner: TransportOwner): void {
    this.owner = owner;
  }

  get open(): boolean {
    return this.#open;
  }

  write(offset: number, length: number): boolean {
    const { stream } = this;
    if (stream.destroyed || stream.writableEnded) return true;
    const octets = this.slab.bytes.subarray(offset, offset + length);
    stream.write(this.#foreign ? Buffer.from(octets) : octets, this.onReleased);
    return false;
  }

  pause(): void {
    this.#paused = true;
    this.stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#held.length > 0) this.#schedule();
    else this.stream.resume();
  }

  end(lingerMs: number): void {
    this.#open = false;
    if (this.stream.destroyed) return;
    // Closing with unread input would make the kernel answer with RST, which discards what we said last (GOAWAY).
    this.stream.end();
    if (lingerMs !== Number.POSITIVE_INFINITY) {
      this.#lingerTimer ??= setTimeout(() => this.stream.destroy(), lingerMs);
    }
  }

  destroy(_reset = false): void {
    this.#open = false;
    this.stream.destroy();
  }

  /** Tells octets that the stream has put into the read area. For streams that go on for a while after `pause`. */
  protected tellArea(length: number): void {
    if (this.#paused || this.#held.length > 0 || this.area.inUse) {
      this.#held.push(Buffer.from(this.area.buffer.subarray(0, length)));
      this.stream.pause();
      if (!this.#paused) this.#schedule();
      return;
    }
    this.area.inUse = true;
    this.owner.onRead(length);
    this.area.inUse = false;
  }

  #take(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#held.push(chunk);
    if (this.#foreign || this.#paused || this.area.inUse) {
      this.stream.pause();
      if (!this.#paused) this.#schedule();
      return;
    }
    this.#deliver();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#flush);
  }

  #deliver(): void {
    const { area } = this;
    while (!this.#paused && this.#held.length > 0 && !this.stream.destroyed) {
      const chunk = this.#held[0]!;
      const length = chunk.copy(area.buffer, 0, this.#heldFrom);
      this.#heldFrom += length;
      if (this.#heldFrom === chunk.length) {
        this.#held.shift();
        this.#heldFrom = 0;
      }
      area.inUse = true;
      this.owner.onRead(length);
      area.inUse = false;
    }
    if (this.#held.length > 0) {
      this.stream.pause();
      return;
    }
    if (this.stream.destroyed) return;
    if (this.#ended) this.owner.onEnd();
    else if (!this.#paused) this.stream.resume();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#open = false;
    this.#held.length = 0;
    clearTimeout(this.#lingerTimer);
    this.owner.onClose(this.#error);
  }
}
