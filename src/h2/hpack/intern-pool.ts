import type { Slab } from "../../base/slab.ts";
import { copyOctets } from "./copy-octets.ts";
import { literalHash } from "./literal-hash.ts";
import { LiteralScanner, SCRATCH_OCTETS } from "./literal-scanner.ts";
import { LiteralStore } from "./literal-store.ts";
import { NameCache } from "./name-cache.ts";
import { TimeoutFields } from "./timeout-fields.ts";

/** Limits of an {@link InternPool}. */
export interface InternPoolOptions {
  /** Fields at most, up to 65,535; default 4,096. */
  readonly maxEntries?: number;
  /** Octets of slab memory for their literals at most; default 1 MiB. */
  readonly maxOctets?: number;
}

const LONGEST_LITERAL = 2048;
/** Fields with one hash that are looked at: an attacker who finds collisions gains nothing. */
const LONGEST_CHAIN = 16;

/**
 * The fields that connections repeat, one copy per worker, so that a field block names them by a small integer and an
 * encoder finds them in its table without looking at octets.
 *
 * Ids start at 1. Every reference (a decoder's table entry, an encoder's table entry, a record of a field block)
 * is counted; a field without references is freed and its id used again.
 */
export class InternPool {
  /** Where a field's string literals are in the slab, in the form of a literal record's octets (field-block.ts). */
  readonly literalOffset: Int32Array;
  /** Their length in octets. */
  readonly literalOctets: Int32Array;
  /** The static table entry with the field's name; 0: the name's string literal comes first. */
  readonly staticName: Uint8Array;
  /** The field's size in a header list or table, in octets. Source: RFC 7541 §4.1. */
  readonly sizeOctets: Int32Array;
  /** What the field means: FieldRole. */
  readonly role: Uint8Array;
  /** What its value says: see field-value.ts. */
  readonly number: Int32Array;
  /** Counts how often the id has been used for another field: caches keyed by ids check it. */
  readonly generation: Int32Array;
  /** Reads string literals; shared by all of a worker's decoders. */
  readonly scanner: LiteralScanner;
  /** Names of fields whose values change; shared by all of a worker's encoders. */
  readonly names: NameCache;
  /** Time limits that many requests have. */
  readonly timeouts: TimeoutFields;
  /** The slab as 32-bit words, for the tables of decoders and encoders. */
  readonly words: Int32Array;
  /** Offset of SCRATCH_OCTETS octets for values that are looked into; the scanner's reads overwrite them. */
  readonly scratch: number;
  /** Fields in the pool. */
  entries = 0;

  readonly #slab: Slab;
  readonly #bytes: Uint8Array;
  readonly #store: LiteralStore;
  readonly #references: Int32Array;
  readonly #hashes: Int32Array;
  readonly #next: Int32Array;
  readonly #buckets: Int32Array;
  readonly #maxEntries: number;
  readonly #maxOctets: number;
  #freeId = 0;
  #highestId = 0;

  /** @throws Error when the slab is used up already. */
  constructor(slab: Slab, options: InternPoolOptions = {}) {
    const maxEntries = Math.min(options.maxEntries ?? 4096, 65_535);
    const columns = maxEntries + 1;
    this.#slab = slab;
    this.#bytes = slab.bytes;
    this.#store = new LiteralStore(slab);
    this.#maxEntries = maxEntries;
    this.#maxOctets = options.maxOctets ?? 2 ** 20;
    this.literalOffset = new Int32Array(columns);
    this.literalOctets = new Int32Array(columns);
    this.staticName = new Uint8Array(columns);
    this.sizeOctets = new Int32Array(columns);
    this.role = new Uint8Array(columns);
    this.number = new Int32Array(columns);
    this.generation = new Int32Array(columns);
    this.#references = new Int32Array(columns);
    this.#hashes = new Int32Array(columns);
    this.#next = new Int32Array(columns);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(columns)));
    this.scratch = slab.alloc(SCRATCH_OCTETS);
    if (this.scratch === 0) throw new Error("intern pool: the slab has no room");
    this.words = new Int32Array(slab.bytes.buffer, slab.bytes.byteOffset, slab.bytes.length >>> 2);
    this.scanner = new LiteralScanner(this.#bytes, this.scratch);
    this.names = new NameCache(this.#bytes, this.scanner);
    this.timeouts = new TimeoutFields(this.#bytes, this);
  }

  /**
   * Finds or adds the field whose validated string literals are at `offset`, and counts one reference to it.
   * @returns its id, or -1 when there is no room.
   */
  intern(
    staticName: number,
    offset: number,
    octets: number,
    sizeOctets: number,
    role: number,
    number: number,
  ): number {
    if (octets > LONGEST_LITERAL) return -1;
    const hash = literalHash(this.#bytes, offset, octets, staticName);
    const bucket = hash & (this.#buckets.length - 1);
    let chain = 0;
    for (let id = this.#buckets[bucket]!; id !== 0; id = this.#next[id]!) {
      if (this.#hashes[id] === hash && this.#equals(id, staticName, offset, octets)) {
        this.#references[id]!++;
        return id;
      }
      if (++chain === LONGEST_CHAIN) return -1;
    }
    if (this.entries >= this.#maxEntries || this.#store.usedOctets + octets > this.#maxOctets) return -1;
    const at = this.#store.alloc(octets);
    if (at === 0) return -1;
    let id = this.#freeId;
    if (id !== 0) this.#freeId = this.#next[id]!;
    else id = ++this.#highestId;
    copyOctets(this.#bytes, at, offset, octets);
    this.literalOffset[id] = at;
    this.literalOctets[id] = octets;
    this.staticName[id] = staticName;
    this.sizeOctets[id] = sizeOctets;
    this.role[id] = role;
    this.number[id] = number;
    this.#hashes[id] = hash;
    this.#references[id] = 1;
    this.#next[id] = this.#buckets[bucket]!;
    this.#buckets[bucket] = id;
    this.entries++;
    return id;
  }

  /** Counts another reference. */
  retain(id: number): void {
    this.#references[id]!++;
  }

  /** Drops a reference; the last one frees the field. */
  release(id: number): void {
    if (--this.#references[id]! === 0) this.#remove(id);
  }

  /** @returns the references to a field; 0 for an id not in use. */
  references(id: number): number {
    return this.#references[id]!;
  }

  /** Gives the pool's own memory back to the slab, when nothing refers to any field any more. */
  free(): void {
    this.timeouts.clear();
    this.#slab.free(this.scratch);
  }

  #equals(id: number, staticName: number, offset: number, octets: number): boolean {
    if (this.literalOctets[id] !== octets || this.staticName[id] !== staticName) return false;
    const at = this.literalOffset[id]!;
    for (let i = 0; i < octets; i++) if (this.#bytes[at + i] !== this.#bytes[offset + i]) return false;
    return true;
  }

  #remove(id: number): void {
    const bucket = this.#hashes[id]! & (this.#buckets.length - 1);
    let before = 0;
    for (let at = this.#buckets[bucket]!; at !== id; at = this.#next[at]!) before = at;
    if (before === 0) this.#buckets[bucket] = this.#next[id]!;
    else this.#next[before] = this.#next[id]!;
    this.#store.free(this.literalOffset[id]!, this.literalOctets[id]!);
    this.generation[id]!++;
    this.#next[id] = this.#freeId;
    this.#freeId = id;
    this.entries--;
  }
}
