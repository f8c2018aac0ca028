import type { Slab } from "../../base/slab.ts";
import { copyOctets } from "./copy-octets.ts";
import type { InternPool } from "./intern-pool.ts";

/** Words of an entry, from the word {@link DecoderTable.entry} returns. */
export const Entry = {
  /** Kind: role, static name, what is invalid (field-role.ts). */
  kind: 0,
  /** What the value says (field-value.ts). */
  number: 1,
  /** Id in the intern pool; 0 not yet; negative: not again before so many references. */
  intern: 2,
  /** Offset of the entry's string literals, from {@link DecoderTable.arena}. */
  raw: 3,
  /** Octets of the name's string literal, 0 when the name is static. */
  nameOctets: 4,
  /** Octets of both string literals. */
  octets: 5,
  /** Size in the table. */
  size: 6,
  /** Decoded length of the name. */
  nameLength: 7,
} as const;

const ENTRY_WORDS = 8;
const ENTRY_OCTETS = ENTRY_WORDS * 4;
const AMPLE_OCTETS = 16_384;

/**
 * A decoder's dynamic table (RFC 7541 §2.3.2): what is known about each entry in one slab block, the string literals as they
 * came in another. Both are filled from one end and moved down when the end is reached, so that the entry with
 * dynamic index 1 is simply the last; both start at 512 octets and only grow with use.
 */
export class DecoderTable {
  /** Entries in the table. */
  count = 0;
  /** The size by RFC 7541 §4.1, in octets. */
  usedOctets = 0;
  /** The slab offset that {@link Entry.raw} counts from. Changes with every insertion. */
  arena = 0;

  readonly #slab: Slab;
  readonly #pool: InternPool;
  readonly #words: Int32Array;
  #entries = 0;
  #entryRoom = 0;
  #head = 0;
  #tail = 0;
  #arenaRoom = 0;
  #rawHead = 0;
  #rawTail = 0;

  constructor(slab: Slab, pool: InternPool) {
    this.#slab = slab;
    this.#pool = pool;
    this.#words = pool.words;
  }

  /** @returns the first word of the entry with dynamic index `index`, 1 to {@link count}. */
  entry(index: number): number {
    return (this.#entries >>> 2) + (this.#tail - index) * ENTRY_WORDS;
  }

  /**
   * Adds an entry, evicting older ones. One larger than the whole table empties it, as RFC 7541 §4.4 wants.
   * @param from where its string literals are; not in this table.
   * @returns false when the slab is used up.
   */
  insert(
    maxOctets: number,
    kind: number,
    number: number,
    size: number,
    nameLength: number,
    nameOctets: number,
    from: number,
    octets: number,
  ): boolean {
    if (size > maxOctets) {
      this.evictTo(0);
      return true;
    }
    this.evictTo(maxOctets - size);
    if (this.#tail === this.#entryRoom && !this.#makeEntryRoom()) return false;
    if (this.#rawTail + octets > this.#arenaRoom && !this.#makeArenaRoom(octets)) return false;
    const words = this.#words;
    const at = (this.#entries >>> 2) + this.#tail * ENTRY_WORDS;
    words[at + Entry.kind] = kind;
    words[at + Entry.number] = number;
    words[at + Entry.intern] = 0;
    words[at + Entry.raw] = this.#rawTail;
    words[at + Entry.nameOctets] = nameOctets;
    words[at + Entry.octets] = octets;
    words[at + Entry.size] = size;
    words[at + Entry.nameLength] = nameLength;
    copyOctets(this.#slab.bytes, this.arena + this.#rawTail, from, octets);
    this.#rawTail += octets;
    this.#tail++;
    this.count++;
    this.usedOctets += size;
    return true;
  }

  /** Evicts the oldest entries until the table's size is `octets` or less. */
  evictTo(octets: number): void {
    const words = this.#words;
    while (this.usedOctets > octets) {
      const at = (this.#entries >>> 2) + this.#head * ENTRY_WORDS;
      const id = words[at + Entry.intern]!;
      if (id > 0) this.#pool.release(id);
      this.usedOctets -= words[at + Entry.size]!;
      this.#rawHead += words[at + Entry.octets]!;
      this.#head++;
      this.count--;
    }
    if (this.count === 0) {
      this.#head = 0;
      this.#tail = 0;
      this.#rawHead = 0;
      this.#rawTail = 0;
    }
  }

  /** Empties the table and gives its memory back. */
  free(): void {
    this.evictTo(0);
    if (this.#entries !== 0) this.#slab.free(this.#entries);
    if (this.arena !== 0) this.#slab.free(this.arena);
    this.#entries = 0;
    this.#entryRoom = 0;
    this.arena = 0;
    this.#arenaRoom = 0;
  }

  #makeEntryRoom(): boolean {
    const live = this.count * ENTRY_OCTETS;
    const from = this.#entries + this.#head * ENTRY_OCTETS;
    let to = this.#entries;
    // Moving pays when a quarter is free; otherwise each insertion would move all the rest.
    if (this.#head * 4 < this.#entryRoom || to === 0) {
      to = this.#slab.alloc(live + ENTRY_OCTETS + (live >>> 1));
      if (to === 0) return false;
      this.#entryRoom = Math.floor(this.#slab.sizeOf(to) / ENTRY_OCTETS);
    }
    this.#slab.bytes.copyWithin(to, from, from + live);
    if (to !== this.#entries && this.#entries !== 0) this.#slab.free(this.#entries);
    this.#entries = to;
    this.#head = 0;
    this.#tail = this.count;
    return true;
  }

  #makeArenaRoom(octets: number): boolean {
    const live = this.#rawTail - this.#rawHead;
    const needed = live + octets;
    const from = this.arena + this.#rawHead;
    let to = this.arena;
    // A table of 4,096 octets has at most 15,360 of Huffman-coded strings (3.75 octets for one), so that AMPLE is enough for
    // it: from there on moving is preferred to growing, however often a peer makes it happen.
    const usable =
      this.#arenaRoom >= AMPLE_OCTETS ? this.#arenaRoom : this.#arenaRoom - (this.#arenaRoom >>> 3);
    if (needed > usable) {
      to = this.#slab.alloc(Math.min(needed + (needed >>> 2), Math.max(needed, AMPLE_OCTETS)));
      if (to === 0) return false;
      this.#arenaRoom = this.#slab.sizeOf(to);
    }
    this.#slab.bytes.copyWithin(to, from, from + live);
    if (to !== this.arena && this.arena !== 0) this.#slab.free(this.arena);
    this.arena = to;
    const words = this.#words;
    for (let i = 1; i <= this.count; i++) words[this.entry(i) + Entry.raw]! -= this.#rawHead;
    this.#rawHead = 0;
    this.#rawTail = live;
    return true;
  }
}
