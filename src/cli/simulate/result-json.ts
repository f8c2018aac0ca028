import { intervalOf } from "../../sim/interval.ts";
import { LatencyRecord } from "../../sim/latency-record.ts";
import type { SeedFigures, Summary } from "../../sim/summary.ts";
import type { CaseResult } from "./case-result.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import type { PodsPoint } from "./pods-curve.ts";

const FIGURES = ["p50", "p99", "p999", "errorShare", "crossZoneShare", "imbalance"] as const;

/** All results, for programs: figures with their intervals and by seed, and by window the p99 and the shares. */
export function resultJson(
  { file, seed, seeds }: LoadedScenario,
  results: readonly CaseResult[],
  pods: readonly PodsPoint[] | undefined,
): string {
  const cases = results.map(({ load, zones, summaries, verdicts }) => ({
    load,
    zones,
    policies: summaries.map(policyOf),
    expectations: verdicts.map(({ expectation, verdict }) => ({ ...expectation, ...verdict })),
  }));
  return JSON.stringify({ file, seed, seeds, cases, pods }, null, 2);
}

function policyOf(summary: Summary) {
  const figure = (name: keyof SeedFigures) => {
    const values = summary.seeds.map((seed) => seed[name]);
    const { mean, half } = intervalOf(values);
    return [name, { mean, half, bySeed: values }];
  };
  return {
    name: summary.name,
    ...Object.fromEntries(FIGURES.map(figure)),
    windows: summary.windows.map(({ latencies, requests, inZone, busyMs, serverMs }) => ({
      p99: new LatencyRecord(latencies).percentile(0.99),
      inZoneShare: ratios(inZone, requests),
      load: ratios(busyMs, serverMs),
    })),
  };
}

function ratios(parts: Float64Array, wholes: Float64Array): (number | null)[] {
  return Array.from(parts, (part, i) => (wholes[i]! > 0 ? part / wholes[i]! : null));
}
