import { LATENCY_BUCKETS, LatencyRecord } from "./latency-record.ts";
import type { RunResult, WindowResult } from "./run-result.ts";

/** The figures of one seed's run after its warm-up. */
export interface SeedFigures {
  /** Of requests that did not fail, in ms. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** 0 to 1. */
  readonly errorShare: number;
  readonly crossZoneShare: number;
  /** Largest / mean share of busy servers over the healthy endpoints. */
  readonly imbalance: number;
}

/** What the runs of one contestant say, all seeds. */
export interface Summary {
  readonly name: string;
  readonly seeds: readonly SeedFigures[];
  /** By window: all seeds added up. */
  readonly windows: readonly WindowResult[];
  /** By seed and window. */
  readonly runs: readonly RunResult[];
}

/** @param warmupWindows windows at the beginning that the figures leave out. */
export function summarize(name: string, runs: readonly RunResult[], warmupWindows: number): Summary {
  return {
    name,
    seeds: runs.map((run) => seedFigures(run, warmupWindows)),
    windows: runs[0]!.windows.map((_, i) => mergeWindows(runs.map(({ windows }) => windows[i]!))),
    runs,
  };
}

/** @returns all latencies of these windows. */
export function mergeLatencies(windows: readonly WindowResult[]): LatencyRecord {
  const merged = new LatencyRecord();
  for (const { latencies } of windows) merged.merge(new LatencyRecord(latencies));
  return merged;
}

function seedFigures(run: RunResult, warmupWindows: number): SeedFigures {
  const latencies = mergeLatencies(run.windows.slice(warmupWindows));
  return {
    p50: latencies.percentile(0.5),
    p99: latencies.percentile(0.99),
    p999: latencies.percentile(0.999),
    errorShare: run.errors / run.requests,
    crossZoneShare: run.crossZone / run.requests,
    imbalance: run.imbalance,
  };
}

function mergeWindows(windows: readonly WindowResult[]): WindowResult {
  const zones = windows[0]!.requests.length;
  const sum = (of: (window: WindowResult) => Float64Array) =>
    Float64Array.from({ length: zones }, (_, zone) =>
      windows.reduce((total, window) => total + of(window)[zone]!, 0),
    );
  const latencies = new Uint32Array(LATENCY_BUCKETS);
  for (const window of windows) new LatencyRecord(latencies).merge(new LatencyRecord(window.latencies));
  return {
    latencies,
    requests: sum(({ requests }) => requests),
    inZone: sum(({ inZone }) => inZone),
    busyMs: sum(({ busyMs }) => busyMs),
    serverMs: sum(({ serverMs }) => serverMs),
  };
}
