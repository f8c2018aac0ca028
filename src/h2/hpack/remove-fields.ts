import type { Slab } from "../../base/slab.ts";
import { FieldRecord, LITERAL_HEAD_OCTETS } from "./field-block.ts";
import { INVALID_NAME, ROLE_MASK } from "./field-role.ts";
import type { InternPool } from "./intern-pool.ts";
import { internedId, nextRecord } from "./release-fields.ts";

/**
 * Takes the fields of two roles out of a field block, in place, and drops their references. Not for every request: it reads the names
 * of all literal fields.
 *
 * @param role a FieldRole of names that are not in the static table, as is `other`.
 * @returns the block's new length in octets. What its interned fields have in the pool is no more than before.
 */
export function removeFields(
  slab: Slab,
  pool: InternPool,
  offset: number,
  length: number,
  role: number,
  other: number,
): number {
  const { bytes } = slab;
  const end = offset + length;
  let out = offset;
  for (let pos = offset, next = 0; pos < end; pos = next) {
    next = nextRecord(bytes, pos);
    const found = roleOf(bytes, pool, pos, next);
    if (found === role || found === other) {
      if (bytes[pos] === FieldRecord.interned) pool.release(internedId(bytes, pos));
      continue;
    }
    if (out !== pos) bytes.copyWithin(out, pos, next);
    out += next - pos;
  }
  return out - offset;
}

/** @returns the role of a record's field; 0 for all that have their name from the static table. */
function roleOf(bytes: Uint8Array, pool: InternPool, pos: number, next: number): number {
  const record = bytes[pos]!;
  if (record >= FieldRecord.staticMask) return 0;
  if (record === FieldRecord.interned) return pool.role[internedId(bytes, pos)]!;
  if (bytes[pos + LITERAL_HEAD_OCTETS - 1] !== 0) return 0;
  const { scanner } = pool;
  if (scanner.name(pos + LITERAL_HEAD_OCTETS, next) < 0 || (scanner.kind & INVALID_NAME) !== 0) return 0;
  return scanner.kind & ROLE_MASK;
}
