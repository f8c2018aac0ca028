import type { InternPool } from "../h2/hpack/intern-pool.ts";
import { nextRecord } from "../h2/hpack/release-fields.ts";
import { STATIC_ENTRIES, staticValue } from "../h2/hpack/static-table.ts";
import type { HeaderNames } from "./header-names.ts";
import { valueLiteralAt } from "./header-names.ts";

const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const SPACE = 0x20;

const STATIC_VALUES: readonly Buffer[] = Array.from({ length: STATIC_ENTRIES + 1 }, (_, i) =>
  Buffer.from(i === 0 ? "" : staticValue(i), "latin1"),
);

/**
 * The headers of one request that routes speak of. The field block is walked once, when the first of them is asked for, and
 * a value is decoded when somebody looks into it, once.
 *
 * Several fields of one name are one value, joined by commas (RFC 9110 §5.3), cookies by `; ` (RFC 9113 §8.2.3).
 */
export class HeaderView {
  readonly bytes: Buffer;
  /** Where the value decoded last for that header is: see {@link decode}. */
  readonly valueAt: Int32Array;
  readonly #pool: InternPool;
  readonly #names: HeaderNames;
  readonly #cookie: number;
  readonly #scratch: number;
  readonly #length: Int32Array;
  readonly #place: Int32Array;
  readonly #count: Uint16Array;
  /** Requests whose fields the columns are about. */
  readonly #seen: Int32Array;
  readonly #decoded: Int32Array;
  #request = 0;
  #walked = false;
  #offset = 0;
  #end = 0;
  #free = 0;

  /**
   * @param scratch where values are decoded to: slab memory of as many octets as a header section may have
   * (SETTINGS_MAX_HEADER_LIST_SIZE), which are not the block's own.
   */
  constructor(bytes: Buffer, pool: InternPool, names: HeaderNames, scratch: number) {
    this.bytes = bytes;
    this.#pool = pool;
    this.#cookie = names.add("cookie");
    this.#names = names;
    this.#scratch = scratch;
    this.valueAt = new Int32Array(names.count);
    this.#length = new Int32Array(names.count);
    this.#place = new Int32Array(names.count);
    this.#count = new Uint16Array(names.count);
    this.#seen = new Int32Array(names.count);
    this.#decoded = new Int32Array(names.count);
  }

  /** Header names that there are columns for. */
  get headers(): number {
    return this.valueAt.length;
  }

  /** Begins with another request's field block. */
  begin(offset: number, length: number): void {
    this.#request = (this.#request + 1) | 0;
    this.#walked = false;
    this.#offset = offset;
    this.#end = offset + length;
    this.#free = this.#scratch;
  }

  has(header: number): boolean {
    if (!this.#walked) this.#walk();
    return this.#seen[header] === this.#request;
  }

  /** Decodes a header's value to {@link valueAt}. @returns its length in octets; -1 when the request has no such header. */
  decode(header: number): number {
    if (this.#decoded[header] === this.#request) return this.#length[header]!;
    if (!this.has(header)) return -1;
    const start = this.#free;
    if (this.#count[header] === 1) this.#append(this.#place[header]!);
    else this.#appendAll(header);
    this.#decoded[header] = this.#request;
    this.valueAt[header] = start;
    this.#length[header] = this.#free - start;
    return this.#free - start;
  }

  #walk(): void {
    this.#walked = true;
    const { bytes } = this;
    for (let pos = this.#offset; pos < this.#end; pos = nextRecord(bytes, pos)) {
      const header = this.#names.ofRecord(pos);
      if (header < 0) continue;
      if (this.#seen[header] === this.#request) {
        this.#count[header]!++;
        continue;
      }
      this.#seen[header] = this.#request;
      this.#count[header] = 1;
      this.#place[header] = valueLiteralAt(bytes, this.#pool, pos);
    }
  }

  #append(at: number): void {
    if (at > 0) {
      this.#free += this.#pool.scanner.decode(at, this.#free);
      return;
    }
    const value = STATIC_VALUES[-at]!;
    this.bytes.set(value, this.#free);
    this.#free += value.length;
  }

  #appendAll(header: number): void {
    const { bytes } = this;
    let isFirst = true;
    for (let pos = this.#offset; pos < this.#end; pos = nextRecord(bytes, pos)) {
      if (this.#names.ofRecord(pos) !== header) continue;
      if (!isFirst) {
        bytes[this.#free++] = header === this.#cookie ? SEMICOLON : COMMA;
        if (header === this.#cookie) bytes[this.#free++] = SPACE;
      }
      isFirst = false;
      this.#append(valueLiteralAt(bytes, this.#pool, pos));
    }
  }
}
