import { BAD_NAME, BAD_VALUE, CHAR_CLASS, FAILS, SPACE } from "./char-class.ts";
import { LONGEST_KNOWN_NAME, nameKind } from "./field-name.ts";
import { INVALID_NAME } from "./field-role.ts";
import { fieldNumber, longFieldNumber } from "./field-value.ts";
import { decodeHuffman, HUFFMAN_ACCEPTS, HUFFMAN_SCAN, HUFFMAN_STEPS, SCAN_COUNT } from "./huffman.ts";

/** Octets of the scratch area; longer values of fields that are looked into are invalid or of no interest. */
export const SCRATCH_OCTETS = 512;

/** Values this long are decoded into the scratch area, no longer ones: 1.6 × 256 fits. */
const LONGEST_DECODED_VALUE = 256;

/** The Huffman code of the space, six bits; that of the tab is 0xffffea. Source: RFC 7541 Appendix B. */
const SPACE_CODE = 0b010100;
/** Octets that hold a whole symbol of 30 bits behind the end of another, and seven bits of padding. */
const LONGEST_CODE_OCTETS = 6;

/**
 * Reads HPACK integers and string literals out of the slab and validates them without storing what they decode to. One
 * serves all connections of a worker; the results of the last read are in its fields.
 */
export class LiteralScanner {
  /** The last integer. */
  value = 0;
  /** Decoded length of the last string literal. */
  length = 0;
  /** Flags (char-class.ts) of all characters of the last string literal, `BAD_VALUE` also for blanks at its ends. */
  flags = 0;
  /** Kind (field-role.ts) of the last name. */
  kind = 0;

  readonly #bytes: Uint8Array;
  readonly #scratch: number;
  #payload = 0;
  #octets = 0;
  #isHuffman = false;

  /** @param scratch offset of {@link SCRATCH_OCTETS} octets in `bytes`. */
  constructor(bytes: Uint8Array, scratch: number) {
    this.#bytes = bytes;
    this.#scratch = scratch;
  }

  /**
   * Reads the octets of an integer after its prefix `mask` was found full.
   * @returns the offset after them, or -1 when it is cut off or larger than five octets say. Source: RFC 7541 §5.1.
   */
  integer(pos: number, end: number, mask: number): number {
    const bytes = this.#bytes;
    let value = mask;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (pos >= end) return -1;
      const octet = bytes[pos++]!;
      value += (octet & 0x7f) << shift;
      if (octet < 0x80) {
        this.value = value;
        return pos;
      }
    }
    return -1;
  }

  /** Scans a value's string literal. @returns the offset after it, or -1 when the block cannot be decoded. */
  string(pos: number, end: number): number {
    const bytes = this.#bytes;
    if (pos >= end) return -1;
    const head = bytes[pos++]!;
    let octets = head & 0x7f;
    if (octets === 0x7f) {
      pos = this.integer(pos, end, 0x7f);
      if (pos < 0) return -1;
      octets = this.value;
    }
    const next = pos + octets;
    if (next > end) return -1;
    this.#payload = pos;
    this.#octets = octets;
    let flags = 0;
    let blankAt = -1;
    if (head < 0x80) {
      this.#isHuffman = false;
      for (let i = pos; i < next; i++) flags |= CHAR_CLASS[bytes[i]!]!;
      this.length = octets;
    } else {
      this.#isHuffman = true;
      let state = 0;
      let length = 0;
      for (let i = pos; i < next; i++) {
        const entry = HUFFMAN_SCAN[state | bytes[i]!]!;
        flags |= entry;
        if ((entry & SPACE) !== 0) blankAt = i;
        length += entry & SCAN_COUNT;
        state = entry & 0xff00;
      }
      if ((flags & FAILS) !== 0 || HUFFMAN_ACCEPTS[state >>> 8] === 0) return -1;
      this.length = length;
    }
    if ((flags & SPACE) !== 0 && this.#hasBlankEdge(blankAt)) flags |= BAD_VALUE;
    this.flags = flags & (BAD_VALUE | BAD_NAME | SPACE);
    return next;
  }

  /** Skips a string literal of which only matters whether it can be decoded. @returns as {@link string}. */
  skip(pos: number, end: number): number {
    const bytes = this.#bytes;
    if (pos >= end) return -1;
    let octets = bytes[pos]!;
    if (octets >= 0x80) return this.string(pos, end);
    pos++;
    if (octets === 0x7f) {
      pos = this.integer(pos, end, 0x7f);
      if (pos < 0) return -1;
      octets = this.value;
    }
    return pos + octets > end ? -1 : pos + octets;
  }

  /** Scans a name's string literal and finds out its {@link kind}. @returns as {@link string}. */
  name(pos: number, end: number): number {
    const next = this.string(pos, end);
    if (next < 0) return -1;
    const length = this.length;
    let kind = -1;
    if (length > 0 && length <= LONGEST_KNOWN_NAME) kind = nameKind(this.#bytes, this.#decoded(), length);
    // Known names are valid; a colon is valid in no others.
    if (kind < 0) kind = length === 0 || (this.flags & BAD_NAME) !== 0 ? INVALID_NAME : 0;
    this.kind = kind;
    return next;
  }

  /** @returns {@link fieldNumber} of the string scanned last, as the value of a field with this role. */
  number(role: number): number {
    if (this.length > LONGEST_DECODED_VALUE) return longFieldNumber(role);
    return fieldNumber(role, this.#bytes, this.#decoded(), this.length);
  }

  /**
   * Decodes a valid string literal (one that was scanned before).
   * @returns the decoded length.
   */
  decode(literal: number, out: number): number {
    const bytes = this.#bytes;
    let pos = literal;
    const head = bytes[pos++]!;
    let octets = head & 0x7f;
    if (octets === 0x7f) {
      pos = this.integer(pos, bytes.length, 0x7f);
      octets = this.value;
    }
    if (head >= 0x80) return decodeHuffman(bytes, pos, octets, out);
    bytes.copyWithin(out, pos, pos + octets);
    return octets;
  }

  /** @returns where the last string stands in plain: itself, or its copy in the scratch area. */
  #decoded(): number {
    if (!this.#isHuffman) return this.#payload;
    decodeHuffman(this.#bytes, this.#payload, this.#octets, this.#scratch);
    return this.#scratch;
  }

  /**
   * Whether a string with a blank in it has one at an end: the first and the last symbol decide.
   * @param blankAt the last octet in whose steps a blank was completed.
   */
  #hasBlankEdge(blankAt: number): boolean {
    const bytes = this.#bytes;
    const end = this.#payload + this.#octets;
    if (!this.#isHuffman) {
      return ((CHAR_CLASS[bytes[this.#payload]!]! | CHAR_CLASS[bytes[end - 1]!]!) & SPACE) !== 0;
    }
    // Credentials are long and have a blank after their scheme: a whole symbol fits behind a blank this far from the end.
    const start = this.#payload;
    const blankFirst =
      bytes[start]! >>> 2 === SPACE_CODE ||
      (bytes[start] === 0xff && bytes[start + 1] === 0xff && bytes[start + 2] === 0xea);
    if (!blankFirst && end - blankAt > LONGEST_CODE_OCTETS) return false;
    let state = 0;
    let first = 0;
    let last = 0;
    for (let i = this.#payload; i < end; i++) {
      for (let shift = 4; shift >= 0; shift -= 4) {
        const entry = HUFFMAN_STEPS[state | ((bytes[i]! >>> shift) & 15)]!;
        state = entry >>> 16;
        if ((entry & 1) === 0) continue;
        last = entry;
        if (first === 0) first = entry;
      }
    }
    return ((first | last) & SPACE) !== 0;
  }
}
