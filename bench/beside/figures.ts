import { median } from "../lib/median.ts";
import { DEADLINE_MS } from "./limits.ts";
import type { Outcome } from "./play-row.ts";
import { ENDPOINTS, TARGET_MS } from "./rows.ts";

/** What the clients of one contender saw in one repetition. Shares are of all its requests. */
export interface Figures {
  readonly requests: number;
  /** Requests that ended with another status than OK. */
  readonly errors: number;
  /** Requests that failed, or took longer than the target. */
  readonly harmed: number;
  /** Of all requests, those that failed counted with the clients' deadline, in ms. */
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Share of the sick or new endpoint in the answers of the last sixth of the time, in units of an even one. */
  readonly lastShare: number;
}

/** @param sickPort of the endpoint that fell sick, or joined. */
export function figuresOf({ ms, codes, ports, atMs }: Outcome, sickPort: number): Figures {
  const times = Float64Array.from(ms, (time, i) => (codes[i] === 0 ? time : DEADLINE_MS)).sort();
  const quantile = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  const lateFromMs = (atMs.at(-1) ?? 0) * (5 / 6);
  let late = 0;
  let lateSick = 0;
  for (const [i, at] of atMs.entries()) {
    if (at < lateFromMs || codes[i] !== 0) continue;
    late++;
    if (ports[i] === sickPort) lateSick++;
  }
  return {
    requests: times.length,
    errors: codes.filter((code) => code !== 0).length,
    harmed: times.reduce((count, time) => count + (time > TARGET_MS ? 1 : 0), 0),
    p90Ms: quantile(0.9),
    p99Ms: quantile(0.99),
    p999Ms: quantile(0.999),
    lastShare: (lateSick / Math.max(1, late)) * ENDPOINTS,
  };
}

/** Figures of all repetitions: sums of counts, medians of the others. */
export function summed(repetitions: readonly Figures[]): Figures {
  const sum = (figure: (one: Figures) => number): number =>
    repetitions.reduce((total, one) => total + figure(one), 0);
  const middle = (figure: (one: Figures) => number): number => median(repetitions.map(figure));
  return {
    requests: sum((one) => one.requests),
    errors: sum((one) => one.errors),
    harmed: sum((one) => one.harmed),
    p90Ms: middle((one) => one.p90Ms),
    p99Ms: middle((one) => one.p99Ms),
    p999Ms: middle((one) => one.p999Ms),
    lastShare: middle((one) => one.lastShare),
  };
}
