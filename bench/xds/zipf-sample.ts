import type { Random } from "../../src/base/random.ts";

/**
 * Takes different numbers by Zipf's law: 0 twice as often as 1, and so on, as services are called.
 *
 * @param bound numbers are below it. @param count at most `bound`.
 */
export function zipfSample(bound: number, count: number, random: Random): number[] {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= bound; rank++) {
    sum += 1 / rank;
    sums.push(sum);
  }
  const taken = new Set<number>();
  while (taken.size < count) taken.add(firstAbove(sums, random.nextFloat() * sum));
  return [...taken];
}

function firstAbove(sums: readonly number[], value: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
