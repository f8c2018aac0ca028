import { SHARE_STEPS } from "./share-steps.ts";

/** Keys of a bucket, about; sorting one key of so many costs so many steps. */
const BUCKET_KEYS = 512;
const STEPS_PER_KEY = 8;

/**
 * Sorts numbers that are spread evenly, as hashes are, in shares: first into buckets by their size, then bucket by bucket.
 *
 * @param keys 0 or more, below `range`; left as they are.
 * @param range a power of two, 2^53 at most.
 * @returns the same, ascending; yields after each share of {@link SHARE_STEPS}.
 */
export function* sortInShares(keys: Float64Array, range: number): Generator<void, Float64Array> {
  const { length } = keys;
  const buckets = 2 ** Math.max(0, Math.ceil(Math.log2(length / BUCKET_KEYS)));
  // Powers of two: nothing is rounded.
  const perKey = buckets / range;
  const ends = new Int32Array(buckets);
  for (let i = 0; i < length; i++) {
    ends[Math.floor(keys[i]! * perKey)]!++;
    if (i % SHARE_STEPS === SHARE_STEPS - 1) yield;
  }
  for (let bucket = 1; bucket < buckets; bucket++) ends[bucket]! += ends[bucket - 1]!;
  const sorted = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    sorted[--ends[Math.floor(keys[i]! * perKey)]!] = keys[i]!;
    if (i % SHARE_STEPS === SHARE_STEPS - 1) yield;
  }
  // Filled from behind, an end is where its bucket begins.
  let steps = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = ends[bucket]!;
    const to = bucket + 1 < buckets ? ends[bucket + 1]! : length;
    sorted.subarray(from, to).sort();
    steps += (to - from) * STEPS_PER_KEY;
    if (steps < SHARE_STEPS) continue;
    steps = 0;
    yield;
  }
  return sorted;
}
