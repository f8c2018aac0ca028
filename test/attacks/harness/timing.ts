import { setTimeout as sleep } from "node:timers/promises";
import type { Measurer } from "./measurement.ts";

/** What an attack may do to the innocent's p99. */
const FACTOR = 1.5;
const FLOOR_MS = 1;

export const ROUNDS = 10;
const NULL_PAIRS = 20;
const NULL_MUST_HOLD = 19;
const NULL_ATTEMPTS = 3;
const NULL_PAUSE_MS = 10_000;

/** @returns the longest p99 that is still within the limit. */
export function limitMs(soloMs: number): number {
  return Math.max(soloMs * FACTOR, soloMs + FLOOR_MS);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Whether this machine, now, can tell an attack from nothing: solo windows against solo windows, which must keep to the
 * limit in 19 of 20 pairs. An attempt ends with its second miss.
 *
 * @returns why times are not judged, or "".
 */
export async function nullTest(measurer: Measurer, say: (text: string) => void): Promise<string> {
  let misses = 0;
  for (let attempt = 1; attempt <= NULL_ATTEMPTS; attempt++) {
    if (attempt > 1) await sleep(NULL_PAUSE_MS);
    misses = 0;
    let held = 0;
    const p99s: number[] = [];
    while (held < NULL_MUST_HOLD && misses <= NULL_PAIRS - NULL_MUST_HOLD) {
      const one = (await measurer.solo()).p99Ms;
      const other = (await measurer.solo()).p99Ms;
      p99s.push(one, other);
      if (Math.max(one, other) <= limitMs(Math.min(one, other))) held++;
      else misses++;
    }
    const range = `p99 ${Math.min(...p99s).toFixed(2)} to ${Math.max(...p99s).toFixed(2)} ms`;
    say(`null test, attempt ${attempt}: ${held} of ${held + misses} pairs held, ${range}`);
    if (held >= NULL_MUST_HOLD) return "";
  }
  return `the null test failed ${NULL_ATTEMPTS} times: solo against solo must hold in ${NULL_MUST_HOLD} of ${NULL_PAIRS} pairs`;
}
