const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const DASH = 0x2d;
const SAMPLED = 1;

/** Where its parts are in a `traceparent`. */
const TRACE_AT = 3;
const SPAN_AT = TRACE_AT + TRACE_DIGITS + 1;
const FLAGS_AT = SPAN_AT + SPAN_DIGITS + 1;

/** Octets of a `traceparent` of version 00; newer versions may be longer. */
export const TRACEPARENT_OCTETS: number = FLAGS_AT + 2;

/** What a caller's `traceparent` says of its trace. */
export const Sampling = {
  /** It is none: there is no parent. */
  none: 0,
  /** The caller does not record this trace. */
  off: 1,
  /** It does. */
  on: 2,
} as const;
export type Sampling = (typeof Sampling)[keyof typeof Sampling];

/**
 * Judges the `traceparent` at `at` and makes nothing of it: most are of calls that are not traced. A version that is newer than 00 may have more behind
 * it, which is passed over. Source: W3C Trace Context, §3.2.
 */
export function samplingOf(bytes: Uint8Array, at: number, length: number): Sampling {
  if (length < TRACEPARENT_OCTETS) return Sampling.none;
  const high = digit(bytes[at]!);
  const low = digit(bytes[at + 1]!);
  const flags = (digit(bytes[at + FLAGS_AT]!) << 4) | digit(bytes[at + FLAGS_AT + 1]!);
  if (high < 0 || low < 0 || flags < 0 || (high === 15 && low === 15)) return Sampling.none;
  if (bytes[at + 2] !== DASH || bytes[at + SPAN_AT - 1] !== DASH || bytes[at + FLAGS_AT - 1] !== DASH)
    return Sampling.none;
  if (!isId(bytes, at + TRACE_AT, TRACE_DIGITS) || !isId(bytes, at + SPAN_AT, SPAN_DIGITS))
    return Sampling.none;
  if (length > TRACEPARENT_OCTETS) {
    const isFirstVersion = high === 0 && low === 0;
    if (isFirstVersion || bytes[at + TRACEPARENT_OCTETS] !== DASH) return Sampling.none;
  }
  return (flags & SAMPLED) === 0 ? Sampling.off : Sampling.on;
}

/** Takes the trace of a `traceparent` that {@link samplingOf} has found good. @param id 16 octets, which will not all be 0. */
export function takeTraceId(id: Uint8Array, bytes: Uint8Array, at: number): void {
  takeOctets(id, bytes, at + TRACE_AT);
}

/** Takes the caller's span. @param id 8 octets, which will not all be 0. */
export function takeSpanId(id: Uint8Array, bytes: Uint8Array, at: number): void {
  takeOctets(id, bytes, at + SPAN_AT);
}

function takeOctets(octets: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < octets.length; i++)
    octets[i] = (digit(bytes[at + 2 * i]!) << 4) | digit(bytes[at + 2 * i + 1]!);
}

/** Whether there are so many digits, not all of them 0. */
function isId(bytes: Uint8Array, at: number, digits: number): boolean {
  let all = 0;
  for (let i = at; i < at + digits; i++) all |= digit(bytes[i]!);
  // A digit that is none is -1, and all bits of that stay.
  return all > 0;
}

/** @returns the value of a hexadecimal digit in lower case, -1 for what is none. */
function digit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  return octet >= 0x61 && octet <= 0x66 ? octet - 0x57 : -1;
}
