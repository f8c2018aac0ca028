import type { Random } from "./random.ts";

/**
 * How long to wait before the next try: doubling with each failure, of which the second half is by chance, so that those who failed
 * together do not come back together.
 *
 * @param failures in a row, 1 or more.
 * @param firstMs the longest wait after the first failure, at least half of it is waited.
 * @param mostMs what the doubling ends at.
 */
export function doublingDelayMs(failures: number, firstMs: number, mostMs: number, random: Random): number {
  const longest = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 16));
  return longest * (0.5 + random.nextFloat() / 2);
}
