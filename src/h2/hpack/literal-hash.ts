/** @returns a 32-bit hash (FNV-1a) of octets, begun with `seed`. */
export function literalHash(bytes: Uint8Array, offset: number, length: number, seed: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (let i = offset, end = offset + length; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  // The low bits choose the bucket, and FNV mixes upwards only.
  return hash ^ (hash >>> 15);
}
