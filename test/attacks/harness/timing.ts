import { setTimeout as sleep } from "node:timers/promises";
import type { Measurer } from "./measurement.ts";

/** What an attack may do to the innocent's p99. */
const FACTOR = 1.5;
const FLOOR_MS = 1;

export const ROUNDS = 10;
/** Rounds at most where windows did not count. */
export const MOST_ROUNDS = 15;
const NULL_TRIALS = 20;
const NULL_MUST_HOLD = 19;
const NULL_WINDOWS = 2 * ROUNDS + NULL_TRIALS - 1;
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
 * Whether this machine, now, can tell an attack from nothing: the judgement itself, with windows that have no attack in either
 * half. Of 39 solo windows each run of 20 is one trial: the median p99 of every other window against that of the rest, within
 * the limit in 19 of 20 trials.
 *
 * @returns why times are not judged, or "".
 */
export async function nullTest(measurer: Measurer, say: (text: string) => void): Promise<string> {
  for (let attempt = 1; attempt <= NULL_ATTEMPTS; attempt++) {
    if (attempt > 1) await sleep(NULL_PAUSE_MS);
    const p99s: number[] = [];
    for (let windows = 0; windows < NULL_WINDOWS * 1.5 && p99s.length < NULL_WINDOWS; windows++) {
      const { counts, p99Ms } = await measurer.solo();
      if (counts) p99s.push(p99Ms);
    }
    if (p99s.length < NULL_WINDOWS) {
      say(`null test, attempt ${attempt}: cores were away in all but ${p99s.length} windows`);
      continue;
    }
    const held = nullTrials(p99s).filter(
      ([one, other]) => Math.max(one, other) <= limitMs(Math.min(one, other)),
    );
    const range = `p99 ${Math.min(...p99s).toFixed(2)} to ${Math.max(...p99s).toFixed(2)} ms, median ${median(p99s).toFixed(2)}`;
    say(`null test, attempt ${attempt}: ${held.length} of ${NULL_TRIALS} trials held, ${range}`);
    if (held.length >= NULL_MUST_HOLD) return "";
  }
  return `the null test failed ${NULL_ATTEMPTS} times: solo against solo must hold in ${NULL_MUST_HOLD} of ${NULL_TRIALS} trials`;
}

/** @returns of each run of 20 windows the medians of every other one and of the rest. */
function nullTrials(p99s: readonly number[]): [number, number][] {
  return Array.from({ length: NULL_TRIALS }, (_, start) => {
    const windows = p99s.slice(start, start + 2 * ROUNDS);
    return [median(windows.filter((_, i) => i % 2 === 0)), median(windows.filter((_, i) => i % 2 === 1))];
  });
}
