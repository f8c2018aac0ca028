import type { Slab } from "../../base/slab.ts";
import type { InternPool } from "./intern-pool.ts";
import { FIRST_NAME_SERIAL } from "./name-cache.ts";

const BUCKETS = 64;
const BUCKET_OCTETS = BUCKETS * 4;

/** Words of an entry. */
const ID = 0;
const SIZE = 1;
/** The older entry of the same bucket, as a position plus one. */
const NEXT = 2;
const LAST_USED = 3;
const ENTRY_WORDS = 4;
const ENTRY_OCTETS = ENTRY_WORDS * 4;

/** Entries used in one of so many last blocks are not evicted for new ones. */
const HOT_BLOCKS = 64;
/** Of so many fields refused because of that, one gets in: what was hot once must not hold the table for ever. */
const FORCED_EVERY = 256;

/**
 * An encoder's dynamic table: which interned fields (or names, by serial) the peer's table has, without any octets. Entries
 * lie in the order they came in, with chains of the same bucket from new to old, so that evicting from the old end
 * needs no unlinking: a chain ends where it leaves the table.
 *
 * Owns a reference to every field in it. Memory comes with the first insertion: 512 octets, 2,048 for over 16 entries.
 */
export class EncoderTable {
  /** Size by RFC 7541 §4.1, in octets. */
  usedOctets = 0;

  readonly #slab: Slab;
  readonly #pool: InternPool;
  readonly #words: Int32Array;
  #block = 0;
  #room = 0;
  #head = 0;
  #tail = 0;
  #refusals = 0;

  constructor(slab: Slab, pool: InternPool) {
    this.#slab = slab;
    this.#pool = pool;
    this.#words = pool.words;
  }

  /** Entries in the table. */
  get count(): number {
    return this.#tail - this.#head;
  }

  /** @returns the dynamic index (1 is the newest) of a field or name, which counts as used now, or 0. */
  find(id: number, now: number): number {
    if (this.#tail === this.#head) return 0;
    const words = this.#words;
    const base = this.#block >>> 2;
    let next = words[base + (id & (BUCKETS - 1))]!;
    while (next > this.#head) {
      const entry = base + BUCKETS + (next - 1) * ENTRY_WORDS;
      if (words[entry + ID] === id) {
        words[entry + LAST_USED] = now;
        return this.#tail - next + 1;
      }
      next = words[entry + NEXT]!;
    }
    return 0;
  }

  /**
   * Takes a field (or a field for the sake of its name) in, if that is worth what it evicts.
   * @returns whether it was: then it must be sent with incremental indexing.
   */
  insert(id: number, size: number, maxOctets: number, now: number): boolean {
    if (size > maxOctets || (this.#tail === this.#room && !this.#grow())) return false;
    if (!this.#makeRoomFor(size, maxOctets, now)) return false;
    const words = this.#words;
    const bucket = (this.#block >>> 2) + (id & (BUCKETS - 1));
    const entry = (this.#block >>> 2) + BUCKETS + this.#tail * ENTRY_WORDS;
    words[entry + ID] = id;
    words[entry + SIZE] = size;
    words[entry + NEXT] = words[bucket]!;
    words[entry + LAST_USED] = now;
    this.#tail++;
    words[bucket] = this.#tail;
    this.usedOctets += size;
    if (id < FIRST_NAME_SERIAL) this.#pool.retain(id);
    return true;
  }

  /** Evicts the oldest entries until the table's size is `octets` or less. */
  evictTo(octets: number): void {
    while (this.usedOctets > octets) this.#evictOldest();
  }

  /** Empties the table and gives its memory back. */
  free(): void {
    this.evictTo(0);
    if (this.#block !== 0) this.#slab.free(this.#block);
    this.#block = 0;
    this.#room = 0;
    this.#head = 0;
    this.#tail = 0;
  }

  /** The peer evicts only for an insertion, so that a refusal must not have evicted anything here: look first. */
  #makeRoomFor(size: number, maxOctets: number, now: number): boolean {
    let excess = this.usedOctets + size - maxOctets;
    if (excess <= 0) return true;
    const words = this.#words;
    let oldest = (this.#block >>> 2) + BUCKETS + this.#head * ENTRY_WORDS;
    let isHot = false;
    while (excess > 0) {
      if (((now - words[oldest + LAST_USED]!) | 0) < HOT_BLOCKS) isHot = true;
      excess -= words[oldest + SIZE]!;
      oldest += ENTRY_WORDS;
    }
    if (isHot && ++this.#refusals % FORCED_EVERY !== 0) return false;
    this.evictTo(maxOctets - size);
    return true;
  }

  #evictOldest(): void {
    const oldest = (this.#block >>> 2) + BUCKETS + this.#head * ENTRY_WORDS;
    const id = this.#words[oldest + ID]!;
    this.usedOctets -= this.#words[oldest + SIZE]!;
    this.#head++;
    if (id < FIRST_NAME_SERIAL) this.#pool.release(id);
  }

  /** Moves the entries down, or into a larger block; positions in buckets and chains move with them. */
  #grow(): boolean {
    const words = this.#words;
    const count = this.#tail - this.#head;
    const shift = this.#head;
    const from = this.#block;
    let to = from;
    if (from === 0 || shift * 4 < this.#room) {
      to = this.#slab.alloc(BUCKET_OCTETS + (count + 1 + (count >>> 1)) * ENTRY_OCTETS);
      if (to === 0) return false;
      this.#room = Math.floor((this.#slab.sizeOf(to) - BUCKET_OCTETS) / ENTRY_OCTETS);
    }
    const base = to >>> 2;
    if (from === 0) words.fill(0, base, base + BUCKETS);
    else {
      for (let i = 0; i < BUCKETS; i++) words[base + i] = Math.max(words[(from >>> 2) + i]! - shift, 0);
      const first = (from >>> 2) + BUCKETS + shift * ENTRY_WORDS;
      words.copyWithin(base + BUCKETS, first, first + count * ENTRY_WORDS);
      for (let i = 0; i < count; i++) {
        const at = base + BUCKETS + i * ENTRY_WORDS + NEXT;
        words[at] = Math.max(words[at]! - shift, 0);
      }
      if (to !== from) this.#slab.free(from);
    }
    this.#block = to;
    this.#head = 0;
    this.#tail = count;
    return true;
  }
}
