/**
 * Writes an integer with an N-bit prefix.
 * @param pattern the first octet's bits above the prefix.
 * @param mask the prefix' highest value, 2^N - 1.
 * @returns the end offset. Source: RFC 7541 §5.1.
 */
export function writeInteger(
  bytes: Uint8Array,
  at: number,
  pattern: number,
  mask: number,
  value: number,
): number {
  if (value < mask) {
    bytes[at] = pattern | value;
    return at + 1;
  }
  bytes[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** @returns the octets {@link writeInteger} needs. */
export function integerOctets(mask: number, value: number): number {
  if (value < mask) return 1;
  let octets = 2;
  for (let rest = (value - mask) >>> 7; rest > 0; rest >>>= 7) octets++;
  return octets;
}
