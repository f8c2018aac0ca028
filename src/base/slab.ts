/** Sizes a {@link Slab} hands out, in octets. A request is rounded up to the next one. */
export const BLOCK_OCTETS = [512, 2048, 16_384, 65_536, 262_144] as const;

const PAGE_OCTETS = 262_144;
const UNIT_OCTETS = 512;
const POISON = 0xdb;

/** What a {@link Slab} needs to know before it exists. */
export interface SlabOptions {
  /** The octet budget, rounded down to whole pages of 256 KiB; at most 1 GiB. The memory is touched lazily. */
  readonly capacityOctets: number;
  /** Overwrite freed blocks with 0xDB, so that a use after free is seen by every test that checks octets. */
  readonly poison: boolean;
}

/**
 * The one octet budget of a worker: every octet range of the data plane (read area, output, stream queues, replay
 * copies, HPACK tables) is an offset into {@link bytes}, so that copies are `copyWithin` and no view is made per frame.
 *
 * Blocks come in five sizes carved out of pages; a page whose blocks are all free returns to the pool, so no size
 * class can hold the budget hostage. Freed blocks are reused first (last in, first out), which keeps caches warm and
 * resident memory at the high-water mark of real use.
 *
 * Offset 0 is never handed out: 0 means "no block" everywhere.
 */
export class Slab {
  /** The memory itself. A Buffer, so that views made for socket writes need no conversion. */
  readonly bytes: Buffer;
  /** The same memory as 32-bit words, for links between blocks (index = offset / 4). */
  readonly words: Int32Array;
  /** The budget in octets. */
  readonly capacityOctets: number;
  /** Octets in blocks handed out now, counted by block size. */
  usedOctets = 0;

  /** Debug only: 1 where a unit starts a block in use, to catch a block freed twice. */
  readonly #live: Uint8Array | undefined;
  readonly #pageClass: Int8Array;
  readonly #pageFreeHead: Int32Array;
  readonly #pageFreeCount: Int32Array;
  readonly #pageNext: Int32Array;
  readonly #pagePrev: Int32Array;
  readonly #unitNext: Int32Array;
  readonly #classHead: Int32Array;
  readonly #pageCount: number;
  #poolHead = -1;
  #highWaterPage = 0;

  constructor(options: SlabOptions) {
    this.#pageCount = Math.floor(options.capacityOctets / PAGE_OCTETS);
    if (this.#pageCount < 2 || options.capacityOctets > 2 ** 30) {
      throw new RangeError(`slab capacity: found ${options.capacityOctets}, wanted 512 KiB to 1 GiB`);
    }
    this.capacityOctets = this.#pageCount * PAGE_OCTETS;
    this.bytes = Buffer.from(new ArrayBuffer(this.capacityOctets));
    this.words = new Int32Array(this.bytes.buffer);
    this.#live = options.poison ? new Uint8Array(this.capacityOctets / UNIT_OCTETS) : undefined;
    this.#pageClass = new Int8Array(this.#pageCount).fill(-1);
    this.#pageFreeHead = new Int32Array(this.#pageCount);
    this.#pageFreeCount = new Int32Array(this.#pageCount);
    this.#pageNext = new Int32Array(this.#pageCount).fill(-1);
    this.#pagePrev = new Int32Array(this.#pageCount).fill(-1);
    this.#unitNext = new Int32Array(this.capacityOctets / UNIT_OCTETS);
    this.#classHead = new Int32Array(BLOCK_OCTETS.length).fill(-1);
    // The first block of the first page stays taken for ever, so that offset 0 can mean "none".
    this.alloc(UNIT_OCTETS);
    this.usedOctets = 0;
  }

  /**
   * @param sizeOctets 1 to 262,144.
   * @returns the offset of a block of at least that size with undefined content, or 0 when the budget is used up.
   */
  alloc(sizeOctets: number): number {
    const sizeClass =
      sizeOctets <= 512
        ? 0
        : sizeOctets <= 2048
          ? 1
          : sizeOctets <= 16_384
            ? 2
            : sizeOctets <= 65_536
              ? 3
              : 4;
    let page = this.#classHead[sizeClass]!;
    if (page < 0) {
      page = this.#takePage(sizeClass);
      if (page < 0) return 0;
    }
    const unit = this.#pageFreeHead[page]!;
    this.#pageFreeHead[page] = this.#unitNext[unit]!;
    if (--this.#pageFreeCount[page]! === 0) this.#unlink(page, sizeClass);
    this.usedOctets += BLOCK_OCTETS[sizeClass]!;
    if (this.#live) this.#live[unit] = 1;
    return unit * UNIT_OCTETS;
  }

  /** Gives a block back. `offset` must come from {@link alloc} and be freed once. */
  free(offset: number): void {
    const page = Math.trunc(offset / PAGE_OCTETS);
    const sizeClass = this.#pageClass[page]!;
    const size = BLOCK_OCTETS[sizeClass]!;
    const unit = offset / UNIT_OCTETS;
    if (this.#live) {
      if (this.#live[unit] !== 1) throw new Error(`slab: block ${offset} freed twice or never handed out`);
      this.#live[unit] = 0;
      this.bytes.fill(POISON, offset, offset + size);
    }
    this.#unitNext[unit] = this.#pageFreeHead[page]!;
    this.#pageFreeHead[page] = unit;
    this.usedOctets -= size;
    const freeCount = ++this.#pageFreeCount[page]!;
    const pageBlocks = PAGE_OCTETS / size;
    if (freeCount === 1) {
      const head = this.#classHead[sizeClass]!;
      this.#link(page, sizeClass);
      // A wholly free page that was kept is not needed behind this one, and nothing would find it there.
      if (head >= 0 && this.#pageFreeCount[head] === pageBlocks) this.#giveUp(head, sizeClass);
    }
    // The last partial page of a class is kept: one alloc and free in turn must not carve a page each time.
    if (freeCount === pageBlocks && (this.#pageNext[page]! >= 0 || this.#pagePrev[page]! >= 0)) {
      this.#giveUp(page, sizeClass);
    }
  }

  /** Octets of pages that were ever used, and so are resident, whether in use now or not. */
  get touchedOctets(): number {
    return this.#highWaterPage * PAGE_OCTETS;
  }

  /** @returns the size in octets of the block at `offset` (one of {@link BLOCK_OCTETS}). */
  sizeOf(offset: number): number {
    return BLOCK_OCTETS[this.#pageClass[Math.trunc(offset / PAGE_OCTETS)]!]!;
  }

  #takePage(sizeClass: number): number {
    let page = this.#poolHead;
    if (page >= 0) this.#poolHead = this.#pageNext[page]!;
    else if (this.#highWaterPage < this.#pageCount) page = this.#highWaterPage++;
    else return this.#reclaimIdlePage(sizeClass);
    const stride = BLOCK_OCTETS[sizeClass]! / UNIT_OCTETS;
    const first = (page * PAGE_OCTETS) / UNIT_OCTETS;
    const count = PAGE_OCTETS / BLOCK_OCTETS[sizeClass]!;
    for (let i = 0; i < count; i++) {
      this.#unitNext[first + i * stride] = i + 1 < count ? first + (i + 1) * stride : -1;
    }
    this.#pageClass[page] = sizeClass;
    this.#pageFreeHead[page] = first;
    this.#pageFreeCount[page] = count;
    this.#link(page, sizeClass);
    return page;
  }

  /** Takes the kept, wholly free page of another class when the pool is empty. */
  #reclaimIdlePage(sizeClass: number): number {
    for (let other = 0; other < BLOCK_OCTETS.length; other++) {
      const page = this.#classHead[other]!;
      if (page < 0 || this.#pageFreeCount[page]! < PAGE_OCTETS / BLOCK_OCTETS[other]!) continue;
      this.#giveUp(page, other);
      return this.#takePage(sizeClass);
    }
    return -1;
  }

  /** Returns a wholly free page to the pool. */
  #giveUp(page: number, sizeClass: number): void {
    this.#unlink(page, sizeClass);
    this.#pageClass[page] = -1;
    this.#pageNext[page] = this.#poolHead;
    this.#poolHead = page;
  }

  #link(page: number, sizeClass: number): void {
    const head = this.#classHead[sizeClass]!;
    this.#pageNext[page] = head;
    this.#pagePrev[page] = -1;
    if (head >= 0) this.#pagePrev[head] = page;
    this.#classHead[sizeClass] = page;
  }

  #unlink(page: number, sizeClass: number): void {
    const next = this.#pageNext[page]!;
    const prev = this.#pagePrev[page]!;
    if (prev >= 0) this.#pageNext[prev] = next;
    else this.#classHead[sizeClass] = next;
    if (next >= 0) this.#pagePrev[next] = prev;
    this.#pageNext[page] = -1;
    this.#pagePrev[page] = -1;
  }
}
