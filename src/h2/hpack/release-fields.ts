import type { Slab } from "../../base/slab.ts";
import { FieldRecord, INTERNED_OCTETS, LITERAL_HEAD_OCTETS } from "./field-block.ts";
import type { InternPool } from "./intern-pool.ts";

/** Drops the references a field block's records own; its octets are then just octets. */
export function releaseFields(slab: Slab, pool: InternPool, offset: number, length: number): void {
  const bytes = slab.bytes;
  for (let pos = offset, end = offset + length; pos < end; pos = nextRecord(bytes, pos)) {
    if (bytes[pos] === FieldRecord.interned) pool.release(internedId(bytes, pos));
  }
}

/** Counts the references of a field block that was copied: the copy owns its own. */
export function retainFields(slab: Slab, pool: InternPool, offset: number, length: number): void {
  const bytes = slab.bytes;
  for (let pos = offset, end = offset + length; pos < end; pos = nextRecord(bytes, pos)) {
    if (bytes[pos] === FieldRecord.interned) pool.retain(internedId(bytes, pos));
  }
}

/** @returns the octets of the string literals a field block has in the pool; see {@link HpackEncoder.encodedBound}. */
export function blockLiteralOctets(slab: Slab, pool: InternPool, offset: number, length: number): number {
  const bytes = slab.bytes;
  let octets = 0;
  for (let pos = offset, end = offset + length; pos < end; pos = nextRecord(bytes, pos)) {
    if (bytes[pos] === FieldRecord.interned) octets += pool.literalOctets[internedId(bytes, pos)]!;
  }
  return octets;
}

/** @returns the offset of the record after the one at `pos`. */
export function nextRecord(bytes: Uint8Array, pos: number): number {
  const kind = bytes[pos]!;
  if (kind >= FieldRecord.staticMask) return pos + 1;
  if (kind === FieldRecord.interned) return pos + INTERNED_OCTETS;
  return pos + LITERAL_HEAD_OCTETS + (bytes[pos + 1]! | (bytes[pos + 2]! << 8) | (bytes[pos + 3]! << 16));
}

/** @returns the id of the interned record at `pos`. */
export function internedId(bytes: Uint8Array, pos: number): number {
  return bytes[pos + 1]! | (bytes[pos + 2]! << 8) | (bytes[pos + 3]! << 16) | (bytes[pos + 4]! << 24);
}
