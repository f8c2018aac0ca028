const BAD = 0xff;
const PADDING = 0x3d;

/** By octet: its six bits, or {@link BAD}. The alphabet of URLs is taken too. Source: RFC 4648 §4, §5. */
const SIX_BITS: Uint8Array = new Uint8Array(256).fill(BAD);
for (let i = 0; i < 26; i++) {
  SIX_BITS[0x41 + i] = i;
  SIX_BITS[0x61 + i] = 26 + i;
}
for (let i = 0; i < 10; i++) SIX_BITS[0x30 + i] = 52 + i;
SIX_BITS[0x2b] = 62;
SIX_BITS[0x2d] = 62;
SIX_BITS[0x2f] = 63;
SIX_BITS[0x5f] = 63;

/**
 * Decodes base64 with or without padding, as binary metadata of gRPC comes. Source: gRPC over HTTP/2, "Binary-Header".
 *
 * @param out may be `offset` itself: the result is never longer than what is read.
 * @returns the octets written, or -1 when it is not base64.
 */
export function decodeBase64(bytes: Uint8Array, offset: number, length: number, out: number): number {
  let end = offset + length;
  if (length >= 4 && length % 4 === 0) {
    if (bytes[end - 1] === PADDING) end--;
    if (bytes[end - 1] === PADDING) end--;
  }
  if ((end - offset) % 4 === 1) return -1;
  let at = out;
  let bits = 0;
  let pending = 0;
  for (let i = offset; i < end; i++) {
    const six = SIX_BITS[bytes[i]!]!;
    if (six === BAD) return -1;
    pending = ((pending << 6) | six) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = pending >>> bits;
    }
  }
  return at - out;
}
