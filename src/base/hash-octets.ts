/**
 * A 32-bit hash of octets that spreads well in all its bits; not for secrets.
 *
 * Source: Appleby, MurmurHash3 (x86, 32 bits).
 *
 * @param seed any 32-bit number: other seeds give independent hashes.
 * @returns 0 to 2^32 - 1.
 */
export function hashOctets(bytes: Uint8Array, offset: number, length: number, seed = 0): number {
  let hash = seed | 0;
  const whole = offset + (length & ~3);
  let at = offset;
  for (; at < whole; at += 4) {
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash ^= scramble(block);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = (length & 3) - 1; i >= 0; i--) tail = (tail << 8) | bytes[at + i]!;
  if ((length & 3) !== 0) hash ^= scramble(tail);
  return mixBits(hash ^ length);
}

/** Spreads a number's bits over all of them, one to one. Source: MurmurHash3, fmix32. @returns 0 to 2^32 - 1. */
export function mixBits(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
