const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const SPACE = 0x20;

/** Where the value {@link findCookie} found begins. */
export const found = { at: 0 };

/**
 * Finds a cookie in the value of a cookie header. Source: RFC 6265 §4.2.
 *
 * @returns the length of its value, which is at `found.at`; -1 when there is none of that name.
 */
export function findCookie(bytes: Uint8Array, offset: number, length: number, name: Uint8Array): number {
  const end = offset + length;
  for (let pos = offset; pos < end; pos++) {
    while (pos < end && bytes[pos] === SPACE) pos++;
    let i = 0;
    while (i < name.length && pos + i < end && bytes[pos + i] === name[i]) i++;
    const isNamed = i === name.length && pos + i < end && bytes[pos + i] === EQUALS;
    const start = pos + i + 1;
    while (pos < end && bytes[pos] !== SEMICOLON) pos++;
    if (isNamed) {
      found.at = start;
      return pos - start;
    }
  }
  return -1;
}
