import { doublingDelayMs } from "../base/doubling-delay-ms.ts";
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
  return Math.round(doublingDelayMs(failures, BASE_MS, MAX_MS, random));
}
