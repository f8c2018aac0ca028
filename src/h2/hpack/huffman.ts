import { CHAR_CLASS, EMITS, FAILS } from "./char-class.ts";
import { CODE_BITS, CODES, EOS } from "./huffman-code.ts";

/**
 * The decoder as a machine that eats four bits at a time: entry `(state << 4) | nibble` has, from the low end, the flags of
 * char-class.ts (those of the completed symbol, if any), the symbol in bits 8 to 15, and from bit 16 the next
 * state, shifted by 4 already. The shortest code has five bits, so that one nibble completes at most one symbol.
 */
export const HUFFMAN_STEPS: Int32Array = new Int32Array(256 * 16);

/**
 * The same machine for whole octets and without symbols, to measure and validate at half the steps: entry
 * `(state << 8) | octet` has the number of completed symbols in bits 0 and 1, the flags of char-class.ts, and the next state in
 * bits 8 to 15.
 */
export const HUFFMAN_SCAN: Uint16Array = new Uint16Array(256 * 256);

/** Bits of a {@link HUFFMAN_SCAN} entry that count symbols. */
export const SCAN_COUNT = 3;

/** 1 for states in which a string may end: at most seven bits since the last symbol, all ones. Source: RFC 7541 §5.2. */
export const HUFFMAN_ACCEPTS: Uint8Array = new Uint8Array(256);

buildMachine();

function buildMachine(): void {
  // Children of the code tree's 256 inner nodes: an inner node's number, or ~symbol for a leaf.
  const children = new Int32Array(512);
  let nodes = 1;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = CODE_BITS[symbol]! - 1; bit > 0; bit--) {
      const slot = node * 2 + ((CODES[symbol]! >>> bit) & 1);
      if (children[slot] === 0) children[slot] = nodes++;
      node = children[slot]!;
    }
    children[node * 2 + (CODES[symbol]! & 1)] = ~symbol;
  }
  buildSteps(children);
  buildScan();
  for (let node = 0, depth = 0; depth < 8; depth++) {
    HUFFMAN_ACCEPTS[node] = 1;
    node = children[node * 2 + 1]!;
  }
}

function buildScan(): void {
  // A nibble's entry in the form of an octet's.
  const half = new Uint16Array(HUFFMAN_STEPS.length);
  for (let i = 0; i < half.length; i++) {
    const entry = HUFFMAN_STEPS[i]!;
    half[i] = (entry & 0xff) | ((entry >>> 20) << 8);
  }
  // Two entries at a time: this runs at every start, before anything is compiled.
  const rows = new Uint32Array(half.buffer);
  const scan = new Uint32Array(HUFFMAN_SCAN.buffer);
  for (let i = 0, at = 0; i < half.length; i++) {
    const flags = (half[i]! & 0xfc) * 0x10001;
    const count = (half[i]! & EMITS) * 0x10001;
    const row = (half[i]! >>> 8) * 8;
    for (let k = row; k < row + 8; k++) scan[at++] = (rows[k]! | flags) + count;
  }
}

/** Steps of two bits, put together to steps of four: no two of them complete two symbols. */
function buildSteps(children: Int32Array): void {
  const pairs = new Int32Array(256 * 4);
  for (let i = 0; i < pairs.length; i++) {
    const first = children[(i >>> 2) * 2 + ((i >>> 1) & 1)]!;
    const second = children[Math.max(first, 0) * 2 + (i & 1)]!;
    // The shortest code has five bits: after a first bit that completes a symbol, the second cannot.
    const symbol = first < 0 ? ~first : second < 0 ? ~second : -1;
    if (symbol === EOS) pairs[i] = FAILS;
    else if (symbol < 0) pairs[i] = second << 20;
    else pairs[i] = EMITS | CHAR_CLASS[symbol]! | (symbol << 8) | (Math.max(second, 0) << 20);
  }
  for (let i = 0; i < HUFFMAN_STEPS.length; i++) {
    const high = pairs[((i >>> 4) << 2) | ((i >>> 2) & 3)]!;
    const low = pairs[((high >>> 20) << 2) | (i & 3)]!;
    HUFFMAN_STEPS[i] = (high & 0xffff) | low;
  }
}

/**
 * Decodes a Huffman-coded string. The output may be up to 1.6 times as long as the input; the ranges must not overlap.
 * @returns the decoded length in octets, or -1 when the coding is invalid (the rest of `out` is then undefined).
 */
export function decodeHuffman(bytes: Uint8Array, offset: number, length: number, out: number): number {
  let state = 0;
  let flags = 0;
  let at = out;
  for (let i = offset, end = offset + length; i < end; i++) {
    const octet = bytes[i]!;
    let entry = HUFFMAN_STEPS[state | (octet >>> 4)]!;
    flags |= entry;
    if (entry & EMITS) bytes[at++] = entry >>> 8;
    entry = HUFFMAN_STEPS[(entry >>> 16) | (octet & 15)]!;
    flags |= entry;
    if (entry & EMITS) bytes[at++] = entry >>> 8;
    state = entry >>> 16;
  }
  if ((flags & FAILS) !== 0 || HUFFMAN_ACCEPTS[state >>> 4] === 0) return -1;
  return at - out;
}

/** @returns the length in octets of the Huffman coding of a string, to choose the shorter form (RFC 7541 §5.2). */
export function huffmanOctets(bytes: Uint8Array, offset: number, length: number): number {
  let bits = 0;
  for (let i = offset; i < offset + length; i++) bits += CODE_BITS[bytes[i]!]!;
  return (bits + 7) >>> 3;
}

/**
 * Huffman-codes `length` octets from `source` to `target`; not meant for the hot path.
 * @returns the end offset in `target`.
 */
export function encodeHuffman(
  source: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  out: number,
): number {
  let pending = 0;
  let pendingBits = 0;
  let at = out;
  for (let i = offset; i < offset + length; i++) {
    const code = CODES[source[i]!]!;
    for (let bit = CODE_BITS[source[i]!]! - 1; bit >= 0; bit--) {
      pending = (pending << 1) | ((code >>> bit) & 1);
      if (++pendingBits === 8) {
        target[at++] = pending;
        pending = 0;
        pendingBits = 0;
      }
    }
  }
  if (pendingBits > 0) target[at++] = ((pending << (8 - pendingBits)) | (0xff >>> pendingBits)) & 0xff;
  return at;
}
