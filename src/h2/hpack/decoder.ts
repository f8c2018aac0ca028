import type { Slab } from "../../base/slab.ts";
import type { BlockKind } from "./block-kind.ts";
import { Admission, BlockRules } from "./block-rules.ts";
import { BAD_VALUE, SPACE } from "./char-class.ts";
import { copyOctets } from "./copy-octets.ts";
import { DecodeResult } from "./decode-result.ts";
import { DecoderTable, Entry } from "./decoder-table.ts";
import { FieldRecord, INTERNED_OCTETS, LITERAL_HEAD_OCTETS } from "./field-block.ts";
import { STATIC_KIND } from "./field-name.ts";
import {
  FieldRole,
  INVALID_MASK,
  INVALID_NAME,
  INVALID_VALUE,
  NUMBERED_ROLES,
  ROLE_MASK,
  STATIC_NAME_SHIFT,
} from "./field-role.ts";
import type { InternPool } from "./intern-pool.ts";
import type { LiteralScanner } from "./literal-scanner.ts";
import { releaseFields } from "./release-fields.ts";
import { skipFields } from "./skip-fields.ts";
import { STATIC_ENTRIES, STATIC_NAME_LENGTH, STATIC_NUMBER, STATIC_SIZE } from "./static-table.ts";

/** Limits of an {@link HpackDecoder}. */
export interface HpackDecoderLimits {
  /** SETTINGS_HEADER_TABLE_SIZE as announced to the peer, in octets. */
  readonly maxTableOctets: number;
  /** SETTINGS_MAX_HEADER_LIST_SIZE: names, values and 32 for each field, in octets. */
  readonly maxListOctets: number;
}

const BROKEN = -1;
const NO_MEMORY = -2;
/** References after which an entry that found the pool full tries again. */
const INTERN_RETRY = -64;

/**
 * Decodes and validates header blocks (RFC 7541, RFC 9113 §8.2, §8.3) into field blocks (field-block.ts), one per
 * connection and direction. Values are copied as they came. Whatever is wrong with a section, the whole block is
 * processed, so that an error of one stream leaves the connection's dynamic table in sync.
 *
 * A field that a peer refers to by dynamic index was sent twice at least: it is interned then, unless it is a credential.
 */
export class HpackDecoder extends BlockRules {
  /** Length of the field block written, in octets; 0 unless the result was `ok`. */
  outOctets = 0;
  /** Octets its interned records have in the pool; see {@link HpackEncoder.encodedBound}. */
  outLiteralOctets = 0;
  /** The section's size by RFC 9113 §6.5.2 (fields that are not passed on included); no more is added once it is lost. */
  listOctets = 0;
  /** Fields in the section; no more are counted once it is lost. */
  fieldCount = 0;

  readonly #slab: Slab;
  readonly #scanner: LiteralScanner;
  readonly #words: Int32Array;
  readonly #table: DecoderTable;
  readonly #maxListOctets: number;
  #announcedOctets: number;
  #tableOctets: number;
  #mustResize = false;
  #out = 0;
  #outEnd = 0;
  #at = 0;
  #flaw: number = DecodeResult.ok;

  constructor(slab: Slab, pool: InternPool, limits: HpackDecoderLimits) {
    super(slab, pool);
    this.#slab = slab;
    this.#scanner = pool.scanner;
    this.#words = pool.words;
    this.#table = new DecoderTable(slab, pool);
    this.#maxListOctets = limits.maxListOctets;
    this.#announcedOctets = limits.maxTableOctets;
    this.#tableOctets = limits.maxTableOctets;
  }

  /** Entries in the dynamic table. */
  get tableEntries(): number {
    return this.#table.count;
  }

  /** Size of the dynamic table by RFC 7541 §4.1, in octets. */
  get tableUsedOctets(): number {
    return this.#table.usedOctets;
  }

  /**
   * Puts a changed SETTINGS_HEADER_TABLE_SIZE in force, when the peer has acknowledged it. A smaller one must be
   * taken up by the peer's next block (RFC 7541 §4.2).
   */
  setMaxTableOctets(octets: number): void {
    this.#announcedOctets = octets;
    if (octets < this.#tableOctets) this.#mustResize = true;
  }

  /** Gives all memory and references back; the decoder must not be used any more. */
  free(): void {
    this.#table.free();
  }

  /**
   * Decodes the complete block at `offset`.
   * @param out where the field block goes; must not overlap the block. A section that does not fit `outCapacity` counts
   * as too large; it must be at least 4 × the table's maximum, because entries pass through it.
   * @returns a {@link DecodeResult}; only with `ok` the block at `out` exists and owns references.
   */
  decode(offset: number, length: number, kind: BlockKind, out: number, outCapacity: number): DecodeResult {
    const bytes = this.bytes;
    const end = offset + length;
    this.begin(kind);
    this.#out = out;
    this.#at = out;
    this.#outEnd = out + outCapacity;
    this.#flaw = DecodeResult.ok;
    this.outOctets = 0;
    this.outLiteralOctets = 0;
    this.listOctets = 0;
    this.fieldCount = 0;
    const table = this.#table;
    const words = this.#words;
    const pool = this.pool;
    const outEnd = this.#outEnd;
    let pos = this.#resizes(offset, end);
    while (pos >= 0 && pos < end && this.#flaw === DecodeResult.ok) {
      const first = bytes[pos]!;
      this.fieldCount++;
      if (first < 0x80) {
        pos = this.#literal(pos, end, first);
        continue;
      }
      let index = first & 0x7f;
      pos++;
      if (index === 0x7f) {
        pos = this.#scanner.integer(pos, end, 0x7f);
        index = this.#scanner.value;
        if (pos < 0) break;
      }
      if (index <= STATIC_ENTRIES) {
        if (index > 0) this.#staticField(index);
        else pos = BROKEN;
        continue;
      }
      // Most fields are in the table and in the pool. Their way is written out here: a call costs as much as all it does.
      if (index - STATIC_ENTRIES > table.count) {
        pos = BROKEN;
        break;
      }
      const entry = table.entry(index - STATIC_ENTRIES);
      const kind = words[entry + Entry.kind]!;
      const size = words[entry + Entry.size]!;
      this.listOctets += size;
      if (this.listOctets > this.#maxListOctets) {
        this.#spoil(DecodeResult.listTooLarge);
        break;
      }
      if ((kind & INVALID_MASK) !== 0) {
        this.#spoil(DecodeResult.malformed);
        break;
      }
      let id = words[entry + Entry.intern]!;
      if (id <= 0) id = this.#intern(entry, kind);
      const at = this.#at;
      if (id <= 0 || at + INTERNED_OCTETS > outEnd) {
        this.#passLiteral(entry, kind);
        continue;
      }
      bytes[at] = FieldRecord.interned;
      bytes[at + 1] = id;
      bytes[at + 2] = id >>> 8;
      bytes[at + 3] = 0;
      bytes[at + 4] = 0;
      pool.retain(id);
      this.#at = at + INTERNED_OCTETS;
      this.outLiteralOctets += words[entry + Entry.octets]!;
      const role = kind & ROLE_MASK;
      if (role === FieldRole.ordinary) this.admitOrdinary();
      else {
        const valueAt = pool.literalOffset[id]! + words[entry + Entry.nameOctets]!;
        const valueLength = size - 32 - words[entry + Entry.nameLength]!;
        const admission = this.admit(role, words[entry + Entry.number]!, valueAt, valueLength, id);
        if (admission !== Admission.keep) this.#takeBack(admission, id);
      }
    }
    if (pos >= 0 && pos < end) pos = this.#skip(pos, end);
    if (pos < 0) {
      this.#spoil(DecodeResult.compressionError);
      return pos === NO_MEMORY ? DecodeResult.noMemory : DecodeResult.compressionError;
    }
    if (this.#flaw === DecodeResult.ok && !this.isComplete()) this.#spoil(DecodeResult.malformed);
    this.outOctets = this.#at - out;
    return this.#flaw as DecodeResult;
  }

  /** The rest of a section that is lost: only what changes the dynamic table is still done. @returns as {@link #literal}. */
  #skip(pos: number, end: number): number {
    while (pos >= 0 && pos < end) {
      const highestIndex = STATIC_ENTRIES + this.#table.count;
      pos = skipFields(this.#scanner, this.bytes, pos, end, highestIndex);
      if (pos >= 0 && pos < end) pos = this.#literal(pos, end, this.bytes[pos]!);
    }
    return pos;
  }

  /** Dynamic table size updates, which only a block's start may have. Source: RFC 7541 §4.2, §6.3. */
  #resizes(offset: number, end: number): number {
    let pos = offset;
    while (pos < end && (this.bytes[pos]! & 0xe0) === 0x20) {
      let octets = this.bytes[pos++]! & 0x1f;
      if (octets === 0x1f) {
        pos = this.#scanner.integer(pos, end, 0x1f);
        if (pos < 0) return BROKEN;
        octets = this.#scanner.value;
      }
      if (octets > this.#announcedOctets) return BROKEN;
      this.#tableOctets = octets;
      this.#mustResize = false;
      this.#table.evictTo(octets);
    }
    return this.#mustResize ? BROKEN : pos;
  }

  #staticField(index: number): void {
    const size = STATIC_SIZE[index]!;
    this.listOctets += size;
    if (this.listOctets > this.#maxListOctets) this.#spoil(DecodeResult.listTooLarge);
    if (this.#flaw !== DecodeResult.ok) return;
    const at = this.#at;
    if (at >= this.#outEnd) {
      this.#spoil(DecodeResult.listTooLarge);
      return;
    }
    this.bytes[at] = FieldRecord.staticMask | index;
    const valueLength = size - 32 - STATIC_NAME_LENGTH[index]!;
    const role = STATIC_KIND[index]! & ROLE_MASK;
    const admission = this.admit(role, STATIC_NUMBER[index]!, -index, valueLength, 0);
    if (admission === Admission.keep) this.#at = at + 1;
    else if (admission === Admission.reject) this.#spoil(DecodeResult.malformed);
  }

  /** Takes back the interned record just written, which the rules did not want. */
  #takeBack(admission: number, id: number): void {
    if (admission === Admission.reject) {
      this.#spoil(DecodeResult.malformed);
      return;
    }
    this.#at -= INTERNED_OCTETS;
    this.outLiteralOctets -= this.pool.literalOctets[id]!;
    this.pool.release(id);
  }

  /** Passes a table entry on that is not in the pool (or finds that there is no room even for that). */
  #passLiteral(entry: number, kind: number): void {
    const at = this.#at;
    const words = this.#words;
    const octets = words[entry + Entry.octets]!;
    if (at + LITERAL_HEAD_OCTETS + octets > this.#outEnd) {
      this.#spoil(DecodeResult.listTooLarge);
      return;
    }
    this.#writeHead(at, FieldRecord.literal, octets, kind);
    const literal = at + LITERAL_HEAD_OCTETS;
    copyOctets(this.bytes, literal, this.#table.arena + words[entry + Entry.raw]!, octets);
    const valueAt = literal + words[entry + Entry.nameOctets]!;
    const valueLength = words[entry + Entry.size]! - 32 - words[entry + Entry.nameLength]!;
    const recordOctets = LITERAL_HEAD_OCTETS + octets;
    this.#admitWritten(kind & ROLE_MASK, words[entry + Entry.number]!, recordOctets, valueAt, valueLength);
  }

  /** @returns the id of the entry's field, now in the pool, or 0 when it has to be passed on as a literal. */
  #intern(entry: number, kind: number): number {
    const role = kind & ROLE_MASK;
    if (role === FieldRole.sensitive || this.isDropped(role)) return 0;
    const words = this.#words;
    if (words[entry + Entry.intern]! < 0) {
      words[entry + Entry.intern]!++;
      return 0;
    }
    const id = this.pool.intern(
      (kind >>> STATIC_NAME_SHIFT) & 0xff,
      this.#table.arena + words[entry + Entry.raw]!,
      words[entry + Entry.octets]!,
      words[entry + Entry.size]!,
      role,
      words[entry + Entry.number]!,
    );
    words[entry + Entry.intern] = id > 0 ? id : INTERN_RETRY;
    return Math.max(id, 0);
  }

  /** @returns the offset after the literal field at `pos`, or {@link BROKEN} or {@link NO_MEMORY}. */
  #literal(pos: number, end: number, first: number): number {
    // A size update here is not at the block's start.
    if ((first & 0xe0) === 0x20) return BROKEN;
    const scanner = this.#scanner;
    const bytes = this.bytes;
    const words = this.#words;
    const table = this.#table;
    const mask = first >= 0x40 ? 0x3f : 0x0f;
    let nameIndex = first & mask;
    pos++;
    if (nameIndex === mask) {
      pos = scanner.integer(pos, end, mask);
      if (pos < 0) return BROKEN;
      nameIndex = scanner.value;
    }
    let kind = 0;
    let nameAt = pos;
    let nameOctets = 0;
    let nameLength = 0;
    if (nameIndex === 0) {
      pos = scanner.name(pos, end);
      if (pos < 0) return BROKEN;
      kind = scanner.kind;
      nameLength = scanner.length;
      // A static name needs no octets of its own.
      if (kind >>> STATIC_NAME_SHIFT === 0 || (kind & INVALID_NAME) !== 0) nameOctets = pos - nameAt;
    } else if (nameIndex <= STATIC_ENTRIES) {
      kind = STATIC_KIND[nameIndex]!;
      nameLength = STATIC_NAME_LENGTH[nameIndex]!;
    } else {
      if (nameIndex - STATIC_ENTRIES > table.count) return BROKEN;
      const entry = table.entry(nameIndex - STATIC_ENTRIES);
      kind = words[entry + Entry.kind]! & ~INVALID_VALUE;
      nameLength = words[entry + Entry.nameLength]!;
      nameOctets = words[entry + Entry.nameOctets]!;
      nameAt = table.arena + words[entry + Entry.raw]!;
    }
    const valueAt = pos;
    pos = scanner.string(pos, end);
    if (pos < 0) return BROKEN;
    const valueLength = scanner.length;
    const role = kind & ROLE_MASK;
    if ((scanner.flags & BAD_VALUE) !== 0) kind |= INVALID_VALUE;
    // Blanks are fine in values, but no path or authority has them.
    else if ((scanner.flags & SPACE) !== 0 && (role === FieldRole.path || role === FieldRole.authority)) {
      kind |= INVALID_VALUE;
    }
    const number = ((NUMBERED_ROLES >>> role) & 1) === 0 ? 0 : scanner.number(role);
    const octets = nameOctets + pos - valueAt;
    const size = nameLength + valueLength + 32;
    const recordOctets = LITERAL_HEAD_OCTETS + octets;
    this.#count(size);
    if (this.#at + recordOctets > this.#outEnd) this.#spoil(DecodeResult.listTooLarge);
    const at = this.#at;
    const isWritten = at + recordOctets <= this.#outEnd;
    if (isWritten) {
      const isNever = first < 0x40 && first >= 0x10;
      this.#writeHead(at, isNever ? FieldRecord.neverIndexed : FieldRecord.literal, octets, kind);
      copyOctets(bytes, at + LITERAL_HEAD_OCTETS, nameAt, nameOctets);
      copyOctets(bytes, at + LITERAL_HEAD_OCTETS + nameOctets, valueAt, pos - valueAt);
    }
    if (first >= 0x40) {
      // The record is the source: eviction may move or drop the entry the name came from.
      const from = at + LITERAL_HEAD_OCTETS;
      if (!isWritten && size <= this.#tableOctets) return NO_MEMORY;
      if (!table.insert(this.#tableOctets, kind, number, size, nameLength, nameOctets, from, octets)) {
        return NO_MEMORY;
      }
    }
    if (this.#flaw !== DecodeResult.ok) return pos;
    if ((kind & INVALID_MASK) !== 0) this.#spoil(DecodeResult.malformed);
    else {
      const literal = at + LITERAL_HEAD_OCTETS;
      this.#admitWritten(role, number, recordOctets, literal + nameOctets, valueLength);
    }
    return pos;
  }

  /** Lets the rules judge the literal record just written, and keeps it or not. */
  #admitWritten(role: number, number: number, octets: number, at: number, length: number): void {
    const admission = this.admit(role, number, at, length, 0);
    if (admission === Admission.keep) this.#at += octets;
    else if (admission === Admission.reject) this.#spoil(DecodeResult.malformed);
  }

  #writeHead(at: number, record: number, octets: number, kind: number): void {
    const bytes = this.bytes;
    bytes[at] = record;
    bytes[at + 1] = octets;
    bytes[at + 2] = octets >>> 8;
    bytes[at + 3] = octets >>> 16;
    bytes[at + 4] = kind >>> STATIC_NAME_SHIFT;
  }

  #count(size: number): void {
    this.listOctets += size;
    if (this.listOctets > this.#maxListOctets) this.#spoil(DecodeResult.listTooLarge);
  }

  /** From here on the section is lost: references go back, and the output area only serves insertions. */
  #spoil(flaw: number): void {
    if (this.#flaw === DecodeResult.ok) this.#flaw = flaw;
    releaseFields(this.#slab, this.pool, this.#out, this.#at - this.#out);
    this.#at = this.#out;
  }
}
