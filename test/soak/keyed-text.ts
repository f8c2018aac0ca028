const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * A header value whose characters are made from its key and their place, so that a piece of another stream's value is seen.
 *
 * @param key the stream's; another use of the same stream adds to it.
 * @param octets length of the value.
 */
export function keyedText(key: number, octets: number): string {
  let text = "";
  let mixed = Math.imul(key + 1, 0x9e3779b1);
  for (let i = 0; i < octets; i++) {
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) + i;
    text += LETTERS[(mixed >>> 8) % LETTERS.length];
  }
  return text;
}
