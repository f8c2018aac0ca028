import type { Random } from "../base/random.ts";

const BASE_MS = 500;
const MAX_MS = 30_000;

/**
 * How long to wait before trying the API server again: doubling from 0.5 s to 30 s, of which the second half is by chance, so that a
 * fleet does not come back at one moment.
 *
 * @param failures in a row, 1 or more.
 */
export function retryDelayMs(failures: number, random: Random): number {
  const most = Math.min(MAX_MS, BASE_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(most * (0.5 + 0.5 * random.nextFloat()));
}
