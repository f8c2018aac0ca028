import { Slab } from "../../../src/base/slab.ts";
import { CODE_BITS, CODES } from "../../../src/h2/hpack/huffman-code.ts";
import { InternPool } from "../../../src/h2/hpack/intern-pool.ts";
import { staticName, staticValue } from "../../../src/h2/hpack/static-table.ts";

/** A field as tests see it: latin1 strings. */
export type Field = readonly [name: string, value: string];

/** How a literal or indexed field is to be written. */
export type Form = "indexed" | "incremental" | "plain" | "never";

/** Slab memory and a pool for one test; every test runs with poisoning. */
export interface Rig {
  readonly slab: Slab;
  readonly pool: InternPool;
  /** A place for header blocks. */
  readonly input: number;
  /** A place for field blocks. */
  readonly block: number;
  /** A place for what was encoded. */
  readonly output: number;
  /** Gives all back; @returns the octets of slab memory someone still has. */
  close(): number;
}

export const AREA_OCTETS = 262_144;

export function makeRig(options: { maxEntries?: number } = {}): Rig {
  const slab = new Slab({ capacityOctets: 4 * 2 ** 20, poison: true });
  const before = slab.usedOctets;
  const pool = new InternPool(slab, options);
  const areas = [slab.alloc(AREA_OCTETS), slab.alloc(AREA_OCTETS), slab.alloc(AREA_OCTETS)] as const;
  return {
    slab,
    pool,
    input: areas[0],
    block: areas[1],
    output: areas[2],
    close() {
      for (const area of areas) slab.free(area);
      pool.free();
      return slab.usedOctets - before;
    },
  };
}

/** RFC 7541 written down the slow way, with strings: the other opinion in tests. */
class ReferenceTable {
  readonly fields: Field[] = [];
  maxOctets = 4096;

  octets = 0;

  add(field: Field): void {
    this.fields.unshift(field);
    this.octets += sizeOf(field);
    this.shrink();
  }

  shrink(): void {
    while (this.octets > this.maxOctets) this.octets -= sizeOf(this.fields.pop()!);
  }

  at(index: number): Field {
    if (index >= 1 && index <= 61) return [staticName(index), staticValue(index)];
    const field = this.fields[index - 62];
    if (field === undefined) throw new Error(`index ${index}: out of range`);
    return field;
  }

  /** @returns all indices of the field, or of its name. */
  find(name: string, value?: string): number[] {
    const found: number[] = [];
    for (let index = 1; index <= 61 + this.fields.length; index++) {
      const field = this.at(index);
      if (field[0] === name && (value === undefined || field[1] === value)) found.push(index);
    }
    return found;
  }
}

export function sizeOf(field: Field): number {
  return field[0].length + field[1].length + 32;
}

/** An encoder that writes what it is told to write. */
export class ReferenceEncoder {
  readonly table = new ReferenceTable();

  /** Starts a block with a size update. */
  resize(octets: number): Buffer {
    this.table.maxOctets = octets;
    this.table.shrink();
    return integer(0x20, 5, octets);
  }

  /** @param pick chooses among possible indices of a name: 0 to 1; below 0 the name is written out. */
  field(field: Field, form: Form, huffman: boolean, pick: number): Buffer {
    const [name, value] = field;
    const full = this.table.find(name, value);
    if (form === "indexed" && full.length > 0) return integer(0x80, 7, chosen(full, pick));
    const names = this.table.find(name);
    const index = pick < 0 || names.length === 0 ? 0 : chosen(names, pick);
    const [pattern, bits] = form === "never" ? [0x10, 4] : form === "plain" ? [0, 4] : [0x40, 6];
    const parts = [integer(pattern, bits, index)];
    if (index === 0) parts.push(string(name, huffman));
    parts.push(string(value, huffman));
    if (pattern === 0x40) this.table.add(field);
    return Buffer.concat(parts);
  }
}

/** A field as {@link ReferenceDecoder} found it. */
export interface DecodedField {
  readonly field: Field;
  readonly never: boolean;
}

/** A decoder that throws on whatever RFC 7541 calls an error. */
export class ReferenceDecoder {
  readonly table = new ReferenceTable();
  /** Where the fields of the last block end, size updates before the first one counted to it. */
  ends: number[] = [];
  #block: Uint8Array = Buffer.alloc(0);
  #pos = 0;

  decode(block: Uint8Array): DecodedField[] {
    const fields: DecodedField[] = [];
    this.#block = block;
    this.#pos = 0;
    this.ends = [];
    while (this.#pos < block.length) {
      const first = block[this.#pos]!;
      if ((first & 0xe0) === 0x20) {
        if (fields.length > 0) throw new Error("size update after a field");
        this.table.maxOctets = this.#integer(5);
        this.table.shrink();
        continue;
      }
      if (first >= 0x80) fields.push({ field: this.table.at(this.#integer(7)), never: false });
      else {
        const index = this.#integer(first >= 0x40 ? 6 : 4);
        const field: Field = [index === 0 ? this.#string() : this.table.at(index)[0], this.#string()];
        if (first >= 0x40) this.table.add(field);
        fields.push({ field, never: first < 0x40 && first >= 0x10 });
      }
      this.ends.push(this.#pos);
    }
    return fields;
  }

  #octet(): number {
    const octet = this.#block[this.#pos++];
    if (octet === undefined) throw new Error("truncated");
    return octet;
  }

  #integer(bits: number): number {
    const mask = 2 ** bits - 1;
    let value = this.#octet() & mask;
    if (value < mask) return value;
    for (let scale = 1; ; scale *= 128) {
      const octet = this.#octet();
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
    }
  }

  #string(): string {
    const huffman = this.#block[this.#pos]! >= 0x80;
    const length = this.#integer(7);
    if (this.#pos + length > this.#block.length) throw new Error("truncated string");
    const octets = this.#block.subarray(this.#pos, this.#pos + length);
    this.#pos += length;
    return huffman ? fromHuffman(octets) : Buffer.from(octets).toString("latin1");
  }
}

/** @returns the fields of a field block, with what its interned records say. */
export function fieldsOf(rig: Rig, offset: number, length: number): DecodedField[] {
  const fields: DecodedField[] = [];
  const bytes = rig.slab.bytes;
  const decoder = new ReferenceDecoder();
  let pos = offset;
  while (pos < offset + length) {
    const kind = bytes[pos]!;
    if (kind >= 0x80) {
      fields.push({ field: [staticName(kind & 0x7f), staticValue(kind & 0x7f)], never: false });
      pos += 1;
      continue;
    }
    const [name, from, octets] =
      kind === 1
        ? internedLiteral(rig, bytes.readUInt32LE(pos + 1))
        : [bytes[pos + 4]!, pos + 5, bytes.readUIntLE(pos + 1, 3)];
    const literal = Buffer.concat([
      integer(kind === 3 ? 0x10 : 0, 4, name),
      bytes.subarray(from, from + octets),
    ]);
    fields.push(...decoder.decode(literal));
    pos = kind === 1 ? pos + 5 : from + octets;
  }
  return fields;
}

function internedLiteral(rig: Rig, id: number): [number, number, number] {
  if (rig.pool.references(id) < 1) throw new Error(`interned field ${id} has no reference`);
  return [rig.pool.staticName[id]!, rig.pool.literalOffset[id]!, rig.pool.literalOctets[id]!];
}

export function integer(pattern: number, bits: number, value: number): Buffer {
  const mask = 2 ** bits - 1;
  if (value < mask) return Buffer.from([pattern | value]);
  const octets = [pattern | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128);
  return Buffer.from([...octets, rest]);
}

export function string(text: string, huffman: boolean): Buffer {
  if (!huffman) return Buffer.concat([integer(0, 7, text.length), Buffer.from(text, "latin1")]);
  const octets = toHuffman(text);
  return Buffer.concat([integer(0x80, 7, octets.length), octets]);
}

const codes = Array.from(CODE_BITS, (bits, symbol) => CODES[symbol]!.toString(2).padStart(bits, "0"));
/** Symbols by code with a leading one, so that the length counts. */
const symbols = new Map(Array.from(CODES, (code, symbol) => [2 ** CODE_BITS[symbol]! + code, symbol]));

function toHuffman(text: string): Buffer {
  let bits = Array.from(Buffer.from(text, "latin1"), (octet) => codes[octet]).join("");
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return Buffer.from(bits.match(/.{8}/g)?.map((octet) => Number.parseInt(octet, 2)) ?? []);
}

function fromHuffman(octets: Uint8Array): string {
  const decoded: number[] = [];
  let code = 1;
  for (const octet of octets) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((octet >> bit) & 1);
      const symbol = symbols.get(code);
      if (symbol === undefined) continue;
      if (symbol === 256) throw new Error("EOS in a string");
      decoded.push(symbol);
      code = 1;
    }
  }
  // What is left must be ones, and less than an octet of them.
  if (code > 255 || ((code + 1) & code) !== 0) throw new Error("bad padding");
  return Buffer.from(decoded).toString("latin1");
}

function chosen(indices: readonly number[], pick: number): number {
  return indices[Math.min(Math.floor(Math.max(pick, 0) * indices.length), indices.length - 1)]!;
}

/** A small seeded generator of numbers from 0 to 1, so that a failure can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
