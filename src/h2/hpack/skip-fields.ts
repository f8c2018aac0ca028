import type { LiteralScanner } from "./literal-scanner.ts";

/**
 * Skips fields of a section that is lost already (too large, or malformed), up to the next one that changes the dynamic table. Of
 * what they say only matters whether it can be decoded: references, of which one octet can stand for thousands, cost no
 * more than a look at the octet.
 *
 * @param highestIndex of static and dynamic table together; until the table changes.
 * @returns the offset of a literal with incremental indexing, or `end`; -1 when the block cannot be decoded.
 */
export function skipFields(
  scanner: LiteralScanner,
  bytes: Uint8Array,
  pos: number,
  end: number,
  highestIndex: number,
): number {
  const lastReference = Math.min(0x80 + highestIndex, 0xfe);
  while (pos < end) {
    const first = bytes[pos]!;
    if (first > 0x80 && first <= lastReference) {
      pos++;
      continue;
    }
    const isReference = first >= 0x80;
    if (!isReference) {
      if (first >= 0x40) return pos;
      // A size update here is not at the block's start.
      if (first >= 0x20) return -1;
    }
    const mask = isReference ? 0x7f : 0x0f;
    let index = first & mask;
    pos++;
    if (index === mask) {
      pos = scanner.integer(pos, end, mask);
      if (pos < 0) return -1;
      index = scanner.value;
    }
    if (index > highestIndex || (isReference && index === 0)) return -1;
    if (isReference) continue;
    if (index === 0) {
      pos = scanner.skip(pos, end);
      if (pos < 0) return -1;
    }
    pos = scanner.skip(pos, end);
    if (pos < 0) return -1;
  }
  return pos;
}
