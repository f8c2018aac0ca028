import type { Interval } from "./interval.ts";
import { intervalOf } from "./interval.ts";
import { LatencyRecord } from "./latency-record.ts";
import type { RunResult } from "./run-result.ts";
import type { SeedFigures, Summary } from "./summary.ts";

/** What a scenario says must come out. */
export interface Expectation {
  readonly policy: string;
  /**
   * `p50` … `imbalance`: a figure, or with `of` its ratio to that of another contestant, seed by seed. `gapClosed`: (p99 of `from` - p99) / (p99 of
   * `from` - p99 of `of`). By window, all seeds added up: `windowP99` the worst ratio of p99 to that of `of`; `inZoneShare` the smallest; and
   * `localShareMove` the largest change of the in-zone share from one window to the next in any seed.
   */
  readonly measure:
    | "p50"
    | "p99"
    | "p99.9"
    | "errorShare"
    | "crossZoneShare"
    | "imbalance"
    | "gapClosed"
    | "windowP99"
    | "inZoneShare"
    | "localShareMove";
  readonly of?: string | undefined;
  readonly from?: string | undefined;
  readonly zone?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly atMost?: number | undefined;
  readonly atLeast?: number | undefined;
}

/** What came out. */
export interface Verdict {
  readonly value: Interval;
  readonly met: boolean;
}

/** What {@link judge} needs to know of the scenario. */
export interface JudgedRuns {
  readonly summaries: readonly Summary[];
  readonly zones: readonly string[];
  readonly windowMs: number;
  readonly warmupMs: number;
}

/** @returns whether the mean is as expected; the interval says how sure that is. */
export function judge(expectation: Expectation, runs: JudgedRuns): Verdict {
  const value = measured(expectation, runs);
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = expectation;
  return { value, met: value.mean <= atMost && value.mean >= atLeast };
}

function measured(expectation: Expectation, runs: JudgedRuns): Interval {
  const { measure } = expectation;
  const own = summaryOf(expectation.policy, runs);
  switch (measure) {
    case "gapClosed": {
      const best = summaryOf(expectation.of!, runs);
      const worst = summaryOf(expectation.from!, runs);
      const gap = ({ p99 }: SeedFigures, seed: number) =>
        (worst.seeds[seed]!.p99 - p99) / (worst.seeds[seed]!.p99 - best.seeds[seed]!.p99);
      return intervalOf(own.seeds.map(gap));
    }
    case "windowP99":
      return single(Math.max(...windowRatios(own, summaryOf(expectation.of!, runs), expectation, runs)));
    case "inZoneShare":
      return single(Math.min(...inZoneShares(own.windows, expectation, runs)));
    case "localShareMove":
      return single(Math.max(...own.runs.map((run) => largestMove(run, expectation, runs))));
    default: {
      const figure = measure === "p99.9" ? "p999" : measure;
      if (expectation.of === undefined) return intervalOf(own.seeds.map((seed) => seed[figure]));
      const other = summaryOf(expectation.of, runs);
      return intervalOf(own.seeds.map((seed, i) => seed[figure] / other.seeds[i]![figure]));
    }
  }
}

function windowRatios(own: Summary, other: Summary, expectation: Expectation, runs: JudgedRuns): number[] {
  const [first, end] = windowRange(expectation, runs, own.windows.length);
  return own.windows
    .slice(first, end)
    .map(
      ({ latencies }, i) =>
        new LatencyRecord(latencies).percentile(0.99) /
        new LatencyRecord(other.windows[first + i]!.latencies).percentile(0.99),
    );
}

function largestMove({ windows }: RunResult, expectation: Expectation, runs: JudgedRuns): number {
  const shares = inZoneShares(windows, expectation, runs);
  let largest = 0;
  for (let i = 1; i < shares.length; i++) largest = Math.max(largest, Math.abs(shares[i]! - shares[i - 1]!));
  return largest;
}

function inZoneShares(windows: RunResult["windows"], expectation: Expectation, runs: JudgedRuns): number[] {
  const [first, end] = windowRange(expectation, runs, windows.length);
  const { zone } = expectation;
  return windows.slice(first, end).map(({ requests, inZone }) => {
    if (zone === undefined) return sum(inZone) / sum(requests);
    const index = runs.zones.indexOf(zone);
    return inZone[index]! / requests[index]!;
  });
}

/** First window that counts, and the one after the last. */
function windowRange({ fromMs, toMs }: Expectation, runs: JudgedRuns, count: number): [number, number] {
  const first = Math.ceil((fromMs ?? runs.warmupMs) / runs.windowMs);
  return [first, toMs === undefined ? count : Math.floor(toMs / runs.windowMs)];
}

function summaryOf(name: string, { summaries }: JudgedRuns): Summary {
  return summaries.find((summary) => summary.name === name)!;
}

function single(value: number): Interval {
  return { mean: value, half: Number.NaN };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
