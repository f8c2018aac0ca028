import { BAD_NAME, CHAR_CLASS } from "./char-class.ts";
import { FieldRole } from "./field-role.ts";
import { MethodCode } from "./method-code.ts";

/** {@link fieldNumber} of a pushback that forbids to retry: negative, or no number. Source: gRFC A6. */
export const PUSHBACK_NEVER = 2 ** 31 - 1;

/** {@link fieldNumber} of a content-length that does not fit 31 bits: parse the value itself. */
export const LARGE_NUMBER = -2;

const POST = Buffer.from("POST", "latin1");
const GET = Buffer.from("GET", "latin1");
const CONNECT = Buffer.from("CONNECT", "latin1");
const TRAILERS = Buffer.from("trailers", "latin1");
const GRPC = Buffer.from("application/grpc", "latin1");

/** Bits of a packed grpc-timeout that say its unit. */
const UNIT_BITS = 3;
/** Milliseconds of the units by their packed number: n, u, m, S, M, H. */
const UNIT_MS: readonly number[] = [1e-6, 1e-3, 1, 1e3, 6e4, 3.6e6];

/**
 * What a field's value says, as one integer that a table can keep: the method's code, the status, 1 for gRPC content types
 * and `te: trailers`, a packed timeout ({@link timeoutMsOf}), a length ({@link LARGE_NUMBER}).
 * @param offset the decoded value's place.
 * @returns -1 when the value is not valid for its role.
 */
export function fieldNumber(role: number, bytes: Uint8Array, offset: number, length: number): number {
  switch (role) {
    case FieldRole.method:
      return methodNumber(bytes, offset, length);
    case FieldRole.scheme:
      return isScheme(bytes, offset, length) ? 0 : -1;
    case FieldRole.status:
      return statusNumber(bytes, offset, length);
    case FieldRole.te:
      return equalsIgnoringCase(bytes, offset, length, TRAILERS) ? 1 : -1;
    case FieldRole.contentType:
      return isGrpcType(bytes, offset, length) ? 1 : 0;
    case FieldRole.contentLength: {
      const value = decimal(bytes, offset, length, 15);
      return value > 0x7fffffff ? LARGE_NUMBER : value;
    }
    case FieldRole.grpcTimeout:
      return timeoutNumber(bytes, offset, length);
    case FieldRole.explain:
      return length === 1 && bytes[offset] === 0x31 ? 1 : 0;
    case FieldRole.previousAttempts:
      return Math.max(0, decimal(bytes, offset, length, 9));
    case FieldRole.retryPushback: {
      const value = decimal(bytes, offset, length, 9);
      return value < 0 ? PUSHBACK_NEVER : value;
    }
    case FieldRole.grpcStatus: {
      // A status that cannot be read is UNKNOWN to every client; the field itself is passed on.
      const value = decimal(bytes, offset, length, 9);
      return value < 0 ? 2 : value;
    }
    default:
      return 0;
  }
}

/**
 * @returns {@link fieldNumber} of a value that is longer than any that says something: invalid where the role's values are short, and 0 where
 * they may be long, as paths are.
 */
export function longFieldNumber(role: number): number {
  switch (role) {
    case FieldRole.method:
    case FieldRole.scheme:
    case FieldRole.status:
    case FieldRole.te:
    case FieldRole.contentLength:
    case FieldRole.grpcTimeout:
      return -1;
    case FieldRole.retryPushback:
      return PUSHBACK_NEVER;
    case FieldRole.grpcStatus:
      return 2;
    default:
      return 0;
  }
}

/** @returns a packed grpc-timeout in milliseconds. */
export function timeoutMsOf(packed: number): number {
  const value = packed >>> UNIT_BITS;
  const unit = packed & 7;
  // Division by a power of ten is exact where a product with its inverse is not.
  if (unit === 0) return value / 1e6;
  if (unit === 1) return value / 1e3;
  return value * UNIT_MS[unit]!;
}

/** @returns a decimal number of at most `maxDigits` (15 are exact), or -1. */
export function decimal(bytes: Uint8Array, offset: number, length: number, maxDigits: number): number {
  if (length === 0 || length > maxDigits) return -1;
  let value = 0;
  for (let i = offset; i < offset + length; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function methodNumber(bytes: Uint8Array, offset: number, length: number): number {
  if (length === 0) return -1;
  for (let i = offset; i < offset + length; i++) {
    const octet = bytes[i]!;
    // Methods are tokens, but in upper case: only that keeps them from passing as a field name.
    const isUpper = octet >= 0x41 && octet <= 0x5a;
    if (!isUpper && (CHAR_CLASS[octet]! & BAD_NAME) !== 0) return -1;
  }
  if (equals(bytes, offset, length, POST)) return MethodCode.post;
  if (equals(bytes, offset, length, GET)) return MethodCode.get;
  return equals(bytes, offset, length, CONNECT) ? MethodCode.connect : MethodCode.other;
}

function isScheme(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length === 0) return false;
  for (let i = offset; i < offset + length; i++) {
    const octet = bytes[i]!;
    const lower = octet | 0x20;
    const isAlpha = lower >= 0x61 && lower <= 0x7a;
    const isMark = octet === 0x2b || octet === 0x2d || octet === 0x2e || (octet >= 0x30 && octet <= 0x39);
    if (!isAlpha && (!isMark || i === offset)) return false;
  }
  return true;
}

function statusNumber(bytes: Uint8Array, offset: number, length: number): number {
  const value = decimal(bytes, offset, length, 3);
  // 101 has no meaning in HTTP/2 (RFC 9113 §8.6).
  return length === 3 && value >= 100 && value <= 599 && value !== 101 ? value : -1;
}

function timeoutNumber(bytes: Uint8Array, offset: number, length: number): number {
  const value = decimal(bytes, offset, length - 1, 8);
  if (value < 0) return -1;
  switch (bytes[offset + length - 1]) {
    case 0x6e:
      return value << UNIT_BITS;
    case 0x75:
      return (value << UNIT_BITS) | 1;
    case 0x6d:
      return (value << UNIT_BITS) | 2;
    case 0x53:
      return (value << UNIT_BITS) | 3;
    case 0x4d:
      return (value << UNIT_BITS) | 4;
    case 0x48:
      return (value << UNIT_BITS) | 5;
    default:
      return -1;
  }
}

function isGrpcType(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < GRPC.length || !equalsIgnoringCase(bytes, offset, GRPC.length, GRPC)) return false;
  // application/grpc-web and the like are other protocols.
  const next = length === GRPC.length ? 0x3b : bytes[offset + GRPC.length];
  return next === 0x3b || next === 0x2b || next === 0x20 || next === 0x09;
}

/** @param wanted lower-case letters and marks that 0x20 does not change. */
function equalsIgnoringCase(bytes: Uint8Array, offset: number, length: number, wanted: Uint8Array): boolean {
  if (length !== wanted.length) return false;
  for (let i = 0; i < length; i++) if ((bytes[offset + i]! | 0x20) !== wanted[i]) return false;
  return true;
}

function equals(bytes: Uint8Array, offset: number, length: number, wanted: Uint8Array): boolean {
  if (length !== wanted.length) return false;
  for (let i = 0; i < length; i++) if (bytes[offset + i] !== wanted[i]) return false;
  return true;
}
