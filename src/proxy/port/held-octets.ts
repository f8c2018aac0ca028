import type { Slab } from "../../base/slab.ts";
import type { ReadArea } from "../../net/read-area.ts";

const MAX_HELD_OCTETS = 262_144;

/** Octets of a connection that were read and have nowhere to go yet; in the slab, so within the octet budget. */
export class HeldOctets {
  /** How many there are. */
  octets = 0;
  readonly #slab: Slab;
  #block = 0;
  #from = 0;

  constructor(slab: Slab) {
    this.#slab = slab;
  }

  /** Offset of the first one; of no meaning when there is none. */
  get start(): number {
    return this.#block + this.#from;
  }

  /** @returns false when the budget has no room, or it would be more than 256 KiB. */
  append(offset: number, length: number): boolean {
    const slab = this.#slab;
    const room = this.#block === 0 ? 0 : slab.sizeOf(this.#block) - this.#from - this.octets;
    if (length > room && !this.#move(this.octets + length)) return false;
    slab.bytes.copyWithin(this.start + this.octets, offset, offset + length);
    this.octets += length;
    return true;
  }

  #move(octets: number): boolean {
    const slab = this.#slab;
    const block = octets > MAX_HELD_OCTETS ? 0 : slab.alloc(octets);
    if (block === 0) return false;
    if (this.#block !== 0) {
      slab.bytes.copyWithin(block, this.start, this.start + this.octets);
      slab.free(this.#block);
    }
    this.#block = block;
    this.#from = 0;
    return true;
  }

  /** Drops the first `count`. */
  skip(count: number): void {
    this.#from += count;
    this.octets -= count;
    if (this.octets === 0) this.free();
  }

  /**
   * Puts them into the read area, where an owner expects what was read.
   *
   * @returns how many stand there now.
   */
  toArea(area: ReadArea): number {
    const length = this.octets;
    this.#slab.bytes.copyWithin(area.offset, this.start, this.start + length);
    this.free();
    return length;
  }

  /** @returns a copy outside the slab. */
  toBuffer(): Buffer {
    const copy = Buffer.from(this.#slab.bytes.subarray(this.start, this.start + this.octets));
    this.free();
    return copy;
  }

  free(): void {
    if (this.#block !== 0) this.#slab.free(this.#block);
    this.#block = this.#from = this.octets = 0;
  }
}
