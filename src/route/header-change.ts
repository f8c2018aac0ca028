import { FieldRecord, LITERAL_HEAD_OCTETS } from "../h2/hpack/field-block.ts";
import { nameKind } from "../h2/hpack/field-name.ts";
import { FieldRole, ROLE_MASK } from "../h2/hpack/field-role.ts";
import type { InternPool } from "../h2/hpack/intern-pool.ts";
import { internedId, nextRecord } from "../h2/hpack/release-fields.ts";
import { STATIC_NAME_LENGTH, STATIC_SIZE } from "../h2/hpack/static-table.ts";
import { literalRecord } from "../h2/hpack/write-field.ts";
import type { HeaderChanges } from "../resource/route.ts";
import type { HeaderNames } from "./header-names.ts";

/**
 * {@link HeaderChanges} for field blocks, in place: records of the names to remove are closed up, those to add are appended as
 * they were written once. What is passed on stays as its sender wrote it, never-indexed fields too.
 */
export class HeaderChange {
  /** Octets a block may grow by. */
  readonly addedOctets: number;
  /** By how much a section's size (RFC 9113 §6.5.2) may grow. */
  readonly addedListOctets: number;
  /** By how much {@link apply} has changed what the block's interned fields have in the pool: 0 or less. */
  literalOctets = 0;
  /** By how much it has changed the section's size (RFC 9113 §6.5.2). */
  listOctets = 0;
  readonly #names: HeaderNames;
  readonly #removed = new Set<number>();
  readonly #added: Uint8Array;

  constructor(changes: HeaderChanges, names: HeaderNames) {
    this.#names = names;
    for (const name of [...changes.remove, ...Object.keys(changes.set)]) this.#removed.add(names.add(name));
    const fields = [...Object.entries(changes.set), ...Object.entries(changes.add)];
    this.#added = Buffer.concat(fields.map(([name, value]) => recordOf(name, value)));
    this.addedOctets = this.#added.length;
    this.addedListOctets = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  }

  /**
   * Changes the field block at `offset`; there is room for {@link addedOctets} behind it. References of removed fields are
   * dropped.
   *
   * @returns its new length.
   */
  apply(bytes: Uint8Array, pool: InternPool, offset: number, length: number): number {
    this.literalOctets = 0;
    this.listOctets = this.addedListOctets;
    const end = offset + length;
    let to = this.#removed.size === 0 ? end : offset;
    for (let pos = to; pos < end; ) {
      const next = nextRecord(bytes, pos);
      if (this.#removed.has(this.#names.ofRecord(pos))) this.#forget(bytes, pool, pos, next);
      else {
        if (to !== pos) bytes.copyWithin(to, pos, next);
        to += next - pos;
      }
      pos = next;
    }
    bytes.set(this.#added, to);
    return to + this.#added.length - offset;
  }

  /** Takes the record at `pos` off the books. */
  #forget(bytes: Uint8Array, pool: InternPool, pos: number, next: number): void {
    const kind = bytes[pos]!;
    if (kind >= FieldRecord.staticMask) {
      this.listOctets -= STATIC_SIZE[kind & 0x7f]!;
      return;
    }
    if (kind === FieldRecord.interned) {
      const id = internedId(bytes, pos);
      this.listOctets -= pool.sizeOctets[id]!;
      this.literalOctets -= pool.literalOctets[id]!;
      pool.release(id);
      return;
    }
    const { scanner } = pool;
    const name = bytes[pos + LITERAL_HEAD_OCTETS - 1]!;
    let at = pos + LITERAL_HEAD_OCTETS;
    let nameLength = STATIC_NAME_LENGTH[name]!;
    if (name === 0) {
      at = scanner.string(at, next);
      nameLength = scanner.length;
    }
    scanner.string(at, next);
    this.listOctets -= nameLength + scanner.length + 32;
  }
}

/** Credentials enter no dynamic table, whoever writes them. Source: RFC 7541 §7.1.3. */
function recordOf(name: string, value: string): Uint8Array {
  const record = literalRecord(name, value);
  const octets = Buffer.from(name, "latin1");
  const kind = nameKind(octets, 0, octets.length);
  if (kind >= 0 && (kind & ROLE_MASK) === FieldRole.sensitive) record[0] = FieldRecord.neverIndexed;
  return record;
}
