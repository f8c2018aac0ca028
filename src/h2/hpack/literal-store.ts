import type { Slab } from "../../base/slab.ts";

const PAGE_OCTETS = 2048;
const CHUNK_OCTETS = [64, 128, 256] as const;
const POISON = 0xdb;

/** Words of a page's head, which takes the place of the page's first chunk. */
const FREE_BITS = 0;
const NEXT = 1;
const PREV = 2;

/**
 * Small pieces of slab memory: 64, 128 or 256 octets carved out of slab blocks of 2,048, and slab blocks for anything
 * longer. The slab's smallest block would waste nine tenths on a header field.
 */
export class LiteralStore {
  /** Octets of the pieces handed out. */
  usedOctets = 0;

  readonly #slab: Slab;
  readonly #words: Int32Array;
  /** Per size the first page with a free chunk, 0 for none. */
  readonly #heads = new Int32Array(CHUNK_OCTETS.length);

  constructor(slab: Slab) {
    this.#slab = slab;
    this.#words = new Int32Array(slab.bytes.buffer, slab.bytes.byteOffset, slab.bytes.length >>> 2);
  }

  /** @returns the offset of at least `octets` octets, or 0 when the slab is used up. */
  alloc(octets: number): number {
    const size = sizeClass(octets);
    if (size < 0) {
      const block = this.#slab.alloc(octets);
      if (block !== 0) this.usedOctets += this.#slab.sizeOf(block);
      return block;
    }
    const words = this.#words;
    let page = this.#heads[size]!;
    if (page === 0) {
      page = this.#slab.alloc(PAGE_OCTETS);
      if (page === 0) return 0;
      words[(page >>> 2) + FREE_BITS] = allFree(size);
      this.#link(page, size);
    }
    const free = words[(page >>> 2) + FREE_BITS]!;
    const chunk = 31 - Math.clz32(free & -free);
    words[(page >>> 2) + FREE_BITS] = free & (free - 1);
    if ((free & (free - 1)) === 0) this.#unlink(page, size);
    this.usedOctets += CHUNK_OCTETS[size]!;
    return page + chunk * CHUNK_OCTETS[size]!;
  }

  /** Gives back what {@link alloc} returned for `octets`. */
  free(offset: number, octets: number): void {
    const size = sizeClass(octets);
    if (size < 0) {
      this.usedOctets -= this.#slab.sizeOf(offset);
      this.#slab.free(offset);
      return;
    }
    const chunkOctets = CHUNK_OCTETS[size]!;
    const page = offset - (offset % PAGE_OCTETS);
    const word = (page >>> 2) + FREE_BITS;
    // Chunks are freed so rarely that poisoning them always costs nothing.
    this.#slab.bytes.fill(POISON, offset, offset + chunkOctets);
    const before = this.#words[word]!;
    const after = before | (1 << ((offset - page) / chunkOctets));
    this.#words[word] = after;
    this.usedOctets -= chunkOctets;
    if (before === 0) this.#link(page, size);
    if (after === allFree(size)) {
      this.#unlink(page, size);
      this.#slab.free(page);
    }
  }

  #link(page: number, size: number): void {
    const next = this.#heads[size]!;
    this.#words[(page >>> 2) + NEXT] = next;
    this.#words[(page >>> 2) + PREV] = 0;
    if (next !== 0) this.#words[(next >>> 2) + PREV] = page;
    this.#heads[size] = page;
  }

  #unlink(page: number, size: number): void {
    const next = this.#words[(page >>> 2) + NEXT]!;
    const prev = this.#words[(page >>> 2) + PREV]!;
    if (next !== 0) this.#words[(next >>> 2) + PREV] = prev;
    if (prev !== 0) this.#words[(prev >>> 2) + NEXT] = next;
    else this.#heads[size] = next;
  }
}

function sizeClass(octets: number): number {
  return octets <= 64 ? 0 : octets <= 128 ? 1 : octets <= 256 ? 2 : -1;
}

/** One bit per chunk but the first. */
function allFree(size: number): number {
  const chunks = PAGE_OCTETS / CHUNK_OCTETS[size]!;
  return chunks === 32 ? -2 : 2 ** chunks - 2;
}
