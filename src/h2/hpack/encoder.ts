import type { Slab } from "../../base/slab.ts";
import { copyOctets } from "./copy-octets.ts";
import { EncoderTable } from "./encoder-table.ts";
import { FieldRecord, INTERNED_OCTETS, LITERAL_HEAD_OCTETS } from "./field-block.ts";
import { writeInteger } from "./integer.ts";
import type { InternPool } from "./intern-pool.ts";
import { STATIC_ENTRIES } from "./static-table.ts";

/** A decoder's table before any SETTINGS (RFC 9113 §6.5.2), and the largest we keep towards a peer. */
const DEFAULT_TABLE_OCTETS = 4096;
/** Two size updates of three octets. */
const RESIZE_OCTETS = 8;

/**
 * Encodes field blocks (field-block.ts) for one connection and direction, with a dynamic table of its own. Interned fields go
 * in the table, and from then on are one or two octets; literal fields are copied, with their name by reference if the
 * name keeps coming. Fields that are never indexed stay so (RFC 7541 §6.2.3).
 *
 * What is encoded must be sent, in order: the peer's table follows it.
 */
export class HpackEncoder {
  readonly #bytes: Uint8Array;
  readonly #pool: InternPool;
  readonly #table: EncoderTable;
  #maxOctets = DEFAULT_TABLE_OCTETS;
  /** The lowest size since the last block, which has to be announced if the size changed; -1: it did not. */
  #lowestOctets = -1;
  #now = 0;

  /** @param maxTableOctets 0 for no dynamic table; at most 4,096 are used. */
  constructor(slab: Slab, pool: InternPool, maxTableOctets: number = DEFAULT_TABLE_OCTETS) {
    this.#bytes = slab.bytes;
    this.#pool = pool;
    this.#table = new EncoderTable(slab, pool);
    this.setMaxTableOctets(maxTableOctets);
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
   * Follows the peer's SETTINGS_HEADER_TABLE_SIZE: the next block starts with the size update it asks for. Source: RFC
   * 7541 §4.2.
   */
  setMaxTableOctets(octets: number): void {
    const wanted = Math.min(octets, DEFAULT_TABLE_OCTETS);
    if (wanted === this.#maxOctets) return;
    this.#maxOctets = wanted;
    this.#lowestOctets = this.#lowestOctets < 0 ? wanted : Math.min(this.#lowestOctets, wanted);
    this.#table.evictTo(wanted);
  }

  /**
   * @param blockOctets length of the field block.
   * @param literalOctets what the block's interned fields have in the pool: `outLiteralOctets` of the decoder that
   * made it, or `blockLiteralOctets`.
   * @returns octets that {@link encode} never exceeds.
   */
  encodedBound(blockOctets: number, literalOctets: number): number {
    return blockOctets + literalOctets + RESIZE_OCTETS;
  }

  /**
   * Encodes the field block at `offset`. The block and its references stay the caller's.
   * @param out where the header block goes; must not overlap the field block.
   * @returns the header block's end offset.
   */
  encode(offset: number, length: number, out: number): number {
    const bytes = this.#bytes;
    const end = offset + length;
    let at = out;
    this.#now = (this.#now + 1) | 0;
    if (this.#lowestOctets >= 0) at = this.#writeResizes(at);
    let pos = offset;
    while (pos < end) {
      const first = bytes[pos]!;
      if (first >= FieldRecord.staticMask) {
        bytes[at++] = first;
        pos++;
      } else if (first === FieldRecord.interned) {
        const id = bytes[pos + 1]! | (bytes[pos + 2]! << 8);
        pos += INTERNED_OCTETS;
        const index = this.#table.find(id, this.#now);
        if (index > 0 && index < 0x7f - STATIC_ENTRIES) bytes[at++] = 0x80 | (index + STATIC_ENTRIES);
        else if (index > 0) at = writeInteger(bytes, at, 0x80, 0x7f, index + STATIC_ENTRIES);
        else at = this.#interned(id, at);
      } else {
        const octets = bytes[pos + 1]! | (bytes[pos + 2]! << 8) | (bytes[pos + 3]! << 16);
        const staticName = bytes[pos + 4]!;
        const pattern = first === FieldRecord.neverIndexed ? 0x10 : 0;
        pos += LITERAL_HEAD_OCTETS;
        if (staticName === 0) at = this.#named(pattern, pos, octets, at);
        else {
          at = writeInteger(bytes, at, pattern, 0x0f, staticName);
          copyOctets(bytes, at, pos, octets);
          at += octets;
        }
        pos += octets;
      }
    }
    return at;
  }

  /** Gives all memory and references back; the encoder must not be used any more. */
  free(): void {
    this.#table.free();
  }

  /** An interned field the table does not have. */
  #interned(id: number, at: number): number {
    const bytes = this.#bytes;
    const pool = this.#pool;
    const octets = pool.literalOctets[id]!;
    const isIndexed = this.#table.insert(id, pool.sizeOctets[id]!, this.#maxOctets, this.#now);
    const name = pool.staticName[id]!;
    at = isIndexed ? writeInteger(bytes, at, 0x40, 0x3f, name) : writeInteger(bytes, at, 0, 0x0f, name);
    copyOctets(bytes, at, pool.literalOffset[id]!, octets);
    return at + octets;
  }

  /** A literal field with a literal name. */
  #named(pattern: number, pos: number, octets: number, at: number): number {
    const bytes = this.#bytes;
    const nameOctets = 1 + (bytes[pos]! & 0x7f);
    const serial = nameOctets === 0x80 || pattern !== 0 ? 0 : this.#pool.names.see(pos, nameOctets);
    if (serial > 0) {
      const index = this.#table.find(serial, this.#now);
      if (index > 0) {
        at = writeInteger(bytes, at, 0, 0x0f, index + STATIC_ENTRIES);
        copyOctets(bytes, at, pos + nameOctets, octets - nameOctets);
        return at + octets - nameOctets;
      }
      if (this.#table.insert(serial, this.#decodedSize(pos, octets), this.#maxOctets, this.#now))
        pattern = 0x40;
    }
    bytes[at++] = pattern;
    copyOctets(bytes, at, pos, octets);
    return at + octets;
  }

  #decodedSize(pos: number, octets: number): number {
    const scanner = this.#pool.scanner;
    const valueAt = scanner.string(pos, pos + octets);
    const nameLength = scanner.length;
    scanner.string(valueAt, pos + octets);
    return nameLength + scanner.length + 32;
  }

  #writeResizes(at: number): number {
    if (this.#lowestOctets < this.#maxOctets) {
      at = writeInteger(this.#bytes, at, 0x20, 0x1f, this.#lowestOctets);
    }
    this.#lowestOctets = -1;
    return writeInteger(this.#bytes, at, 0x20, 0x1f, this.#maxOctets);
  }
}
