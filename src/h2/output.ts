import type { Slab } from "../base/slab.ts";

/** Where the octets of an {@link Output} go: the one seam between the engine and a transport. */
export interface OutputPort {
  /**
   * Takes `length` octets at `offset` of the slab, in order.
   *
   * @returns true when they have left (the block may be reused at once); false when the port keeps reading them until it
   * calls {@link Output.released}, once for each such write, in order.
   */
  write(offset: number, length: number): boolean;
}

const FIRST_BLOCK_OCTETS = 16_384;
const BULK_BLOCK_OCTETS = 65_536;

/**
 * What one connection has to say: frames of one loop turn side by side in one block, handed to the port in one write.
 *
 * The owner of the loop learns by `onDirty` that there is something to flush and calls {@link flush} once per turn. A block
 * that the port could not write at once stays the port's until it says so; meanwhile {@link backlogOctets} grows, and
 * whoever has bulk to send holds back (`sendable`), so that only small frames can add to it.
 */
export class Output {
  /** Octets handed to the port that have not left yet. */
  backlogOctets = 0;
  /** Writes handed to the port so far: what was said since the last one has certainly not left. */
  writes = 0;
  /** True from the first octet of a turn until the flush. */
  dirty = false;
  /** Class of the callers whose work its writes are; see net/run-queue.ts. */
  readonly callerClass: number;

  readonly #slab: Slab;
  readonly #port: OutputPort;
  readonly #onDirty: (output: Output) => void;
  readonly #held: number[] = [];
  #block = 0;
  #end = 0;
  #limit = 0;
  #failed = false;

  constructor(slab: Slab, port: OutputPort, onDirty: (output: Output) => void, callerClass = 0) {
    this.callerClass = callerClass;
    this.#slab = slab;
    this.#port = port;
    this.#onDirty = onDirty;
  }

  /** True when the octet budget had no block for a frame: the connection cannot go on and must be closed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Octets written this turn and not flushed. */
  get pendingOctets(): number {
    return this.#end - this.#block;
  }

  /**
   * Makes room for `octets` (at most 262,144) side by side.
   *
   * @returns the offset to write at, followed by {@link commit}; 0 when the budget is used up (then {@link failed}).
   */
  reserve(octets: number): number {
    if (this.#end + octets <= this.#limit) return this.#end;
    return this.#makeRoom(octets);
  }

  /** Ends what was written after {@link reserve}: `end` is the offset behind the last octet. */
  commit(end: number): void {
    this.#end = end;
    if (!this.dirty) {
      this.dirty = true;
      this.#onDirty(this);
    }
  }

  /** Hands what was written to the port. Called by the owner of the loop, once per turn. */
  flush(): void {
    this.dirty = false;
    const block = this.#block;
    if (block === 0) return;
    if (this.#end > block) this.#write();
    if (this.#block !== 0) {
      this.#slab.free(this.#block);
      this.#block = this.#end = this.#limit = 0;
    }
  }

  /** Called by the port when the oldest write it kept has left. */
  released(): void {
    const block = this.#held.shift()!;
    const length = this.#held.shift()!;
    this.backlogOctets -= length;
    this.#slab.free(block);
  }

  /** Gives every block back; the port no longer reads any. */
  destroy(): void {
    while (this.#held.length > 0) this.released();
    if (this.#block !== 0) this.#slab.free(this.#block);
    this.#block = this.#end = this.#limit = 0;
    // What comes now fails quietly: reserve() finds no room and writers check for 0.
    this.#failed = true;
  }

  #makeRoom(octets: number): number {
    if (this.#failed) return 0;
    if (this.#block !== 0) {
      if (this.#end > this.#block) this.#write();
      if (this.#block !== 0 && this.#block + octets <= this.#limit) {
        this.#end = this.#block;
        return this.#end;
      }
      if (this.#block !== 0) this.#slab.free(this.#block);
    }
    const size = octets > FIRST_BLOCK_OCTETS / 2 ? Math.max(octets, BULK_BLOCK_OCTETS) : FIRST_BLOCK_OCTETS;
    let block = this.#slab.alloc(size);
    if (block === 0) block = this.#slab.alloc(octets);
    this.#block = this.#end = block;
    if (block === 0) {
      this.#limit = 0;
      this.#failed = true;
      return 0;
    }
    this.#limit = block + this.#slab.sizeOf(block);
    return block;
  }

  #write(): void {
    const length = this.#end - this.#block;
    this.writes++;
    if (this.#port.write(this.#block, length)) {
      this.#end = this.#block;
      return;
    }
    this.#held.push(this.#block, length);
    this.backlogOctets += length;
    this.#block = this.#end = this.#limit = 0;
  }
}
