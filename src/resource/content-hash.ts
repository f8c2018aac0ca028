import { Column, columnStart, HASHED_COLUMNS, HEADER_UNHASHED_WORDS, HeaderWord } from "./snapshot-layout.ts";

/**
 * The 64-bit hash of what a snapshot says: everything but slots and generations, so that two processes that
 * believe the same have the same hash. The order of endpoints counts, because a recorded pick names one by index.
 *
 * Not cryptographic: it finds damage and change, not malice. Source: MurmurHash3's 32-bit mixing, two lanes.
 *
 * @param words the whole encoded snapshot.
 * @returns the two halves as unsigned 32-bit numbers.
 */
export function contentHash(words: Int32Array): { readonly low: number; readonly high: number } {
  const count = words[HeaderWord.endpointCount]!;
  const skipFrom = columnStart(Column.slot, count);
  const skipTo = columnStart(HASHED_COLUMNS, count);
  let low = 0x9747b28c;
  let high = 0x3c6ef372;
  for (let i: number = HEADER_UNHASHED_WORDS; i < words.length; i++) {
    if (i === skipFrom) i = skipTo;
    const word = words[i]!;
    low = Math.imul(low ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
    low = (low << 13) | (low >>> 19);
    high = Math.imul(high ^ Math.imul(word, 0x85ebca6b), 0xc2b2ae35);
    high = (high << 15) | (high >>> 17);
  }
  low ^= words.length;
  return { low: finish(low ^ high), high: finish(Math.imul(high, 5) + low) };
}

function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
