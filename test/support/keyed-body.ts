/**
 * A body whose octets are made from its key and their place in it, so that a piece of another stream, or of another part of
 * this one, is seen.
 */
export function keyedBody(key: number, octets: number, from = 0): Buffer {
  const body = Buffer.allocUnsafe(octets);
  for (let i = 0; i < octets; i++) body[i] = octetOf(key, from + i);
  return body;
}

/** @returns the place of the first octet that is not the key's, or -1. */
export function firstForeignOctet(key: number, body: Uint8Array, from = 0): number {
  for (let i = 0; i < body.length; i++) if (body[i] !== octetOf(key, from + i)) return from + i;
  return -1;
}

function octetOf(key: number, at: number): number {
  let mixed = Math.imul(key + 1, 0x9e3779b1) ^ Math.imul((at >>> 2) + 1, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return (mixed >>> ((at & 3) * 8)) & 0xff;
}
