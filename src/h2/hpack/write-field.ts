import { FieldRecord, LITERAL_HEAD_OCTETS } from "./field-block.ts";
import { encodeHuffman, huffmanOctets } from "./huffman.ts";
import { integerOctets, writeInteger } from "./integer.ts";
import { staticNameIndex } from "./static-table.ts";

/** Writes a static table field as a record of a field block. @returns the end offset. */
export function writeStatic(bytes: Uint8Array, at: number, index: number): number {
  bytes[at] = FieldRecord.staticMask | index;
  return at + 1;
}

/**
 * Writes a literal record. Not for the hot path: prepare constant fields with {@link literalRecord} and copy them.
 * @param staticName the static table entry with the name, or 0 to write `name`.
 * @param name lower-case; not looked at when `staticName` is given.
 * @param value octets that are valid in a field value.
 * @returns the end offset.
 */
export function writeLiteral(
  bytes: Uint8Array,
  at: number,
  staticName: number,
  name: Uint8Array,
  value: Uint8Array,
): number {
  const start = at + LITERAL_HEAD_OCTETS;
  let end = start;
  if (staticName === 0) end = writeString(bytes, end, name);
  end = writeString(bytes, end, value);
  writeHead(bytes, at, end - start, staticName);
  return end;
}

/** @returns a literal record of a field, as octets of its own; for fields that are made once and copied often. */
export function literalRecord(name: string, value: string): Uint8Array {
  const nameOctets = Buffer.from(name, "latin1");
  const valueOctets = Buffer.from(value, "latin1");
  const record = new Uint8Array(LITERAL_HEAD_OCTETS + 12 + nameOctets.length + valueOctets.length);
  return record.slice(0, writeLiteral(record, 0, staticNameIndex(name), nameOctets, valueOctets));
}

/** Octets {@link writeLiteral} needs at most. */
export function literalBound(nameOctets: number, valueOctets: number): number {
  return LITERAL_HEAD_OCTETS + 12 + nameOctets + valueOctets;
}

const TIMEOUT_NAME = stringLiteral("grpc-timeout");
/** Octets of the name in what {@link writeGrpcTimeout} writes, as a string literal. */
export const TIMEOUT_NAME_OCTETS: number = TIMEOUT_NAME.length;
const MOST_DIGITS = 99_999_999;

/** Octets {@link writeGrpcTimeout} needs at most. */
export const GRPC_TIMEOUT_OCTETS: number = LITERAL_HEAD_OCTETS + TIMEOUT_NAME.length + 1 + 9;

/**
 * Writes a grpc-timeout record, without allocation. Whole milliseconds; microseconds below 100 ms, nanoseconds below 1 µs;
 * seconds, minutes and hours for what has more than eight digits. It is rounded down, so that a deadline never
 * grows from hop to hop, but not to zero, which the gRPC specification does not allow: what has no time left is `1n`.
 * @param timeoutMs milliseconds, with fractions.
 * @returns the end offset.
 */
export function writeGrpcTimeout(bytes: Uint8Array, at: number, timeoutMs: number): number {
  let value: number;
  let unit: number;
  if (timeoutMs >= 100) {
    value = Math.floor(Math.min(timeoutMs, 1e15));
    unit = 0x6d;
    if (value > MOST_DIGITS) {
      value = Math.floor(value / 1000);
      unit = 0x53;
      if (value > MOST_DIGITS) {
        value = Math.floor(value / 60);
        unit = 0x4d;
      }
      if (value > MOST_DIGITS) {
        value = Math.min(Math.floor(value / 60), MOST_DIGITS);
        unit = 0x48;
      }
    }
  } else if (timeoutMs >= 0.001) {
    value = Math.floor(timeoutMs * 1000);
    unit = 0x75;
  } else {
    value = Math.max(1, Math.floor(timeoutMs * 1e6));
    unit = 0x6e;
  }
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  let pos = at + LITERAL_HEAD_OCTETS;
  for (let i = 0; i < TIMEOUT_NAME.length; i++) bytes[pos++] = TIMEOUT_NAME[i]!;
  bytes[pos++] = digits + 1;
  for (let i = digits - 1; i >= 0; i--) {
    const rest = Math.floor(value / 10);
    bytes[pos + i] = 0x30 + value - rest * 10;
    value = rest;
  }
  pos += digits;
  bytes[pos++] = unit;
  writeHead(bytes, at, pos - at - LITERAL_HEAD_OCTETS, 0);
  return pos;
}

const PREVIOUS_NAME = stringLiteral("grpc-previous-rpc-attempts");

/** Octets {@link writePreviousAttempts} needs at most. */
export const PREVIOUS_ATTEMPTS_OCTETS: number = LITERAL_HEAD_OCTETS + PREVIOUS_NAME.length + 1 + 3;

/**
 * Writes a grpc-previous-rpc-attempts record, without allocation. Source: gRFC A6.
 *
 * @param count 0 to 255.
 * @returns the end offset.
 */
export function writePreviousAttempts(bytes: Uint8Array, at: number, count: number): number {
  let pos = at + LITERAL_HEAD_OCTETS;
  for (let i = 0; i < PREVIOUS_NAME.length; i++) bytes[pos++] = PREVIOUS_NAME[i]!;
  const digits = count >= 100 ? 3 : count >= 10 ? 2 : 1;
  bytes[pos++] = digits;
  if (digits === 3) bytes[pos++] = 0x30 + Math.floor(count / 100);
  if (digits > 1) bytes[pos++] = 0x30 + (Math.floor(count / 10) % 10);
  bytes[pos++] = 0x30 + (count % 10);
  writeHead(bytes, at, pos - at - LITERAL_HEAD_OCTETS, 0);
  return pos;
}

function writeHead(bytes: Uint8Array, at: number, octets: number, staticName: number): void {
  bytes[at] = FieldRecord.literal;
  bytes[at + 1] = octets;
  bytes[at + 2] = octets >>> 8;
  bytes[at + 3] = octets >>> 16;
  bytes[at + 4] = staticName;
}

/** Writes a string literal in its shorter form. @returns the end offset. Source: RFC 7541 §5.2. */
export function writeString(bytes: Uint8Array, at: number, text: Uint8Array): number {
  const coded = huffmanOctets(text, 0, text.length);
  if (coded < text.length) {
    return encodeHuffman(text, 0, text.length, bytes, writeInteger(bytes, at, 0x80, 0x7f, coded));
  }
  const start = writeInteger(bytes, at, 0, 0x7f, text.length);
  bytes.set(text, start);
  return start + text.length;
}

function stringLiteral(text: string): Uint8Array {
  const octets = Buffer.from(text, "latin1");
  const literal = new Uint8Array(integerOctets(0x7f, octets.length) + octets.length);
  return literal.slice(0, writeString(literal, 0, octets));
}
