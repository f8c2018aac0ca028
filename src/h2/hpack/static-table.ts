import { MethodCode } from "./method-code.ts";

/** The static table's fields by index less one, names and values in turn. Source: RFC 7541 Appendix A. */
const FIELDS: readonly (readonly [string, string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** The highest index of the static table; dynamic indices follow it. */
export const STATIC_ENTRIES = 61;

/** @returns the name of static entry `index` (1 to 61). */
export function staticName(index: number): string {
  return FIELDS[index - 1]![0];
}

/** @returns the value of static entry `index` (1 to 61). */
export function staticValue(index: number): string {
  return FIELDS[index - 1]![1];
}

/** @returns the first static entry of a name, or 0. Not for the hot path. */
export function staticNameIndex(name: string): number {
  return FIELDS.findIndex((field) => field[0] === name) + 1;
}

/** Sizes of the static fields by index as a header list counts them: name, value and 32. Source: RFC 7541 §4.1. */
export const STATIC_SIZE: Uint8Array = Uint8Array.from([
  0,
  ...FIELDS.map((f) => f[0].length + f[1].length + 32),
]);

/** Name lengths of the static fields by index. */
export const STATIC_NAME_LENGTH: Uint8Array = Uint8Array.from([0, ...FIELDS.map((f) => f[0].length)]);

/** What field-value.ts would say of the static values: methods, statuses, -1 where an empty value is invalid. */
export const STATIC_NUMBER: Int32Array = Int32Array.from([
  0,
  ...FIELDS.map(([name, value]) => {
    if (name === ":method") return value === "GET" ? MethodCode.get : MethodCode.post;
    if (name === ":status") return Number(value);
    return name === "content-length" ? -1 : 0;
  }),
]);
