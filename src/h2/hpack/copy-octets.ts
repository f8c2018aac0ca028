/**
 * Copies `length` octets inside the slab. A loop beats the call of `copyWithin` for the short strings headers are made
 * of; ranges must not overlap unless `to` is below `from`.
 */
export function copyOctets(bytes: Uint8Array, to: number, from: number, length: number): void {
  if (length > 32) {
    bytes.copyWithin(to, from, from + length);
    return;
  }
  for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i]!;
}
