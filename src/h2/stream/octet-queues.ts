import type { Slab } from "../../base/slab.ts";

/*
 * A queue is a chain of slab blocks, each with a head of three words and then octets:
 *
 *     [next block or 0][offset of the first octet][offset behind the last octet][…]
 */
const HEAD_OCTETS = 12;
const NEXT = 0;
const START = 1;
const END = 2;
const LARGE_BLOCK_OCTETS = 16_384;

/**
 * One queue of octets for each slot of a table, copied into slab blocks: what waits for a window, or what may have to be
 * sent again. Small contents take small blocks.
 */
export class OctetQueues {
  /** First block of each slot's chain, 0 when empty. */
  readonly head: Int32Array;
  /** Octets held for each slot. */
  readonly octets: Int32Array;
  readonly #tail: Int32Array;
  readonly #slab: Slab;

  constructor(slab: Slab, slots: number) {
    this.#slab = slab;
    this.head = new Int32Array(slots);
    this.octets = new Int32Array(slots);
    this.#tail = new Int32Array(slots);
  }

  /**
   * Appends a copy of a range, filling the last block first.
   *
   * @param usable the slab's `usedOctets` may not pass this.
   * @returns false when the budget has no room; part of the range may have been appended, the caller gives the slot up.
   */
  append(slot: number, offset: number, length: number, usable: number): boolean {
    const slab = this.#slab;
    const { bytes, words } = slab;
    let last = this.#tail[slot]!;
    let from = offset;
    let left = length;
    if (this.head[slot] === 0) last = 0;
    if (last !== 0) {
      const end = words[(last >> 2) + END]!;
      const part = Math.min(last + slab.sizeOf(last) - end, left);
      bytes.copyWithin(end, from, from + part);
      words[(last >> 2) + END] = end + part;
      from += part;
      left -= part;
    }
    while (left > 0) {
      const wanted = Math.min(left + HEAD_OCTETS, LARGE_BLOCK_OCTETS);
      const block = slab.usedOctets + wanted > usable ? 0 : slab.alloc(wanted);
      if (block === 0) return false;
      const part = Math.min(left, slab.sizeOf(block) - HEAD_OCTETS);
      const start = block + HEAD_OCTETS;
      bytes.copyWithin(start, from, from + part);
      const word = block >> 2;
      words[word + NEXT] = 0;
      words[word + START] = start;
      words[word + END] = start + part;
      if (last === 0) this.head[slot] = block;
      else words[(last >> 2) + NEXT] = block;
      last = block;
      this.#tail[slot] = block;
      from += part;
      left -= part;
    }
    this.octets[slot]! += length;
    return true;
  }

  /** @returns the offset of the first octet in `block`. */
  start(block: number): number {
    return this.#slab.words[(block >> 2) + START]!;
  }

  /** @returns how many octets `block` holds. */
  length(block: number): number {
    const word = block >> 2;
    return this.#slab.words[word + END]! - this.#slab.words[word + START]!;
  }

  /** @returns the block after `block`, or 0. */
  next(block: number): number {
    return this.#slab.words[(block >> 2) + NEXT]!;
  }

  /** Drops the first `length` octets of a slot's first block, which holds at least that many. */
  shift(slot: number, length: number): void {
    const block = this.head[slot]!;
    const word = block >> 2;
    const { words } = this.#slab;
    const start = words[word + START]! + length;
    this.octets[slot]! -= length;
    if (start < words[word + END]!) {
      words[word + START] = start;
      return;
    }
    this.head[slot] = words[word + NEXT]!;
    this.#slab.free(block);
  }

  /** Empties a slot's queue. */
  clear(slot: number): void {
    for (let block = this.head[slot]!; block !== 0; ) {
      const next = this.next(block);
      this.#slab.free(block);
      block = next;
    }
    this.head[slot] = 0;
    this.octets[slot] = 0;
  }
}
