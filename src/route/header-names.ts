import { FieldRecord, LITERAL_HEAD_OCTETS } from "../h2/hpack/field-block.ts";
import { encodeHuffman, huffmanOctets } from "../h2/hpack/huffman.ts";
import type { InternPool } from "../h2/hpack/intern-pool.ts";
import { internedId } from "../h2/hpack/release-fields.ts";
import { STATIC_ENTRIES, staticName } from "../h2/hpack/static-table.ts";
import { NOT_FOUND, OctetMap } from "./octet-map.ts";

/** A name's string literal has one octet of length up to this; longer names are nobody's. Source: RFC 7541 §5.1. */
const LONGEST_LITERAL = 0x7e;

/**
 * The header names a set of routes speaks of, numbered from 0, and which of them a record of a field block has: found by the
 * record's static index, by its intern id, or by the octets of its name's literal, which for one name can only be two.
 */
export class HeaderNames {
  readonly #bytes: Uint8Array;
  readonly #pool: InternPool;
  readonly #numbers = new Map<string, number>();
  readonly #literals = new OctetMap();
  /** By a name literal's first octet, its form and length: 1 where some name of ours begins so. */
  readonly #begins = new Uint8Array(256);
  readonly #ofStatic = new Int16Array(STATIC_ENTRIES + 1).fill(NOT_FOUND);
  /** By intern id, valid while the id's generation is the one beside it. */
  readonly #ofIntern: Int16Array;
  readonly #internGeneration: Int32Array;

  constructor(bytes: Uint8Array, pool: InternPool) {
    this.#bytes = bytes;
    this.#pool = pool;
    this.#ofIntern = new Int16Array(pool.generation.length);
    this.#internGeneration = new Int32Array(pool.generation.length).fill(-1);
  }

  get count(): number {
    return this.#numbers.size;
  }

  /** @param name in lower case. @returns its number; a new one when it has none yet. What was looked up before is forgotten then. */
  add(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(name, number);
    this.#internGeneration.fill(-1);
    for (let i = 1; i <= STATIC_ENTRIES; i++) if (staticName(i) === name) this.#ofStatic[i] = number;
    const plain = Buffer.from(name, "latin1");
    this.#literals.set(Buffer.concat([Uint8Array.of(plain.length), plain]), number);
    this.#begins[plain.length] = 1;
    const coded = new Uint8Array(huffmanOctets(plain, 0, plain.length));
    encodeHuffman(plain, 0, plain.length, coded, 0);
    this.#literals.set(Buffer.concat([Uint8Array.of(0x80 | coded.length), coded]), number);
    this.#begins[0x80 | coded.length] = 1;
    return number;
  }

  /** @returns the number of the name of the record at `pos`, or NOT_FOUND. */
  ofRecord(pos: number): number {
    const bytes = this.#bytes;
    const kind = bytes[pos]!;
    if (kind >= FieldRecord.staticMask) return this.#ofStatic[kind & 0x7f]!;
    if (kind === FieldRecord.interned) return this.#ofId(internedId(bytes, pos));
    const name = bytes[pos + LITERAL_HEAD_OCTETS - 1]!;
    return name > 0 ? this.#ofStatic[name]! : this.#ofLiteral(pos + LITERAL_HEAD_OCTETS);
  }

  #ofId(id: number): number {
    const pool = this.#pool;
    const name = pool.staticName[id]!;
    if (name > 0) return this.#ofStatic[name]!;
    if (this.#internGeneration[id] === pool.generation[id]) return this.#ofIntern[id]!;
    const number = this.#ofLiteral(pool.literalOffset[id]!);
    this.#internGeneration[id] = pool.generation[id]!;
    this.#ofIntern[id] = number;
    return number;
  }

  #ofLiteral(at: number): number {
    const first = this.#bytes[at]!;
    if (this.#begins[first] === 0) return NOT_FOUND;
    const octets = first & 0x7f;
    return octets > LONGEST_LITERAL ? NOT_FOUND : this.#literals.find(this.#bytes, at, octets + 1);
  }
}

/** @returns where the value's string literal of the record at `pos` is; minus its static index for a record without. */
export function valueLiteralAt(bytes: Uint8Array, pool: InternPool, pos: number): number {
  const kind = bytes[pos]!;
  if (kind >= FieldRecord.staticMask) return -(kind & 0x7f);
  if (kind === FieldRecord.interned) {
    const id = internedId(bytes, pos);
    const at = pool.literalOffset[id]!;
    return pool.staticName[id]! > 0 ? at : afterName(bytes, pool, at);
  }
  const at = pos + LITERAL_HEAD_OCTETS;
  return bytes[at - 1]! > 0 ? at : afterName(bytes, pool, at);
}

function afterName(bytes: Uint8Array, pool: InternPool, at: number): number {
  const octets = bytes[at]! & 0x7f;
  if (octets <= LONGEST_LITERAL) return at + 1 + octets;
  const start = pool.scanner.integer(at + 1, bytes.length, 0x7f);
  return start + pool.scanner.value;
}
