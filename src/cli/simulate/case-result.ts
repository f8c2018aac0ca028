import { bestSplit } from "../../sim/best-split.ts";
import type { Expectation, Verdict } from "../../sim/expectation.ts";
import { judge } from "../../sim/expectation.ts";
import type { RunResult } from "../../sim/run-result.ts";
import type { Contestant } from "../../sim/scenario.ts";
import type { Summary } from "../../sim/summary.ts";
import { summarize } from "../../sim/summary.ts";
import type { LoadedScenario, ScenarioCase } from "./loaded-scenario.ts";
import type { SimulationThreads } from "./simulation-threads.ts";

/** What came out of one of a scenario's loads. */
export interface CaseResult {
  readonly load: number;
  readonly zones: readonly string[];
  readonly summaries: readonly Summary[];
  readonly verdicts: readonly { readonly expectation: Expectation; readonly verdict: Verdict }[];
}

/** Runs all contestants of a case with all seeds. */
export async function runCase(
  loaded: LoadedScenario,
  { load, scenario }: ScenarioCase,
  threads: SimulationThreads,
): Promise<CaseResult> {
  const warmupWindows = scenario.warmupMs / scenario.windowMs;
  const summaries = await Promise.all(loaded.contestants.map(summaryOf));
  const zones = [...new Set([...scenario.endpoints, ...scenario.callers].map(({ zone }) => zone))];
  const runs = { summaries, zones, windowMs: scenario.windowMs, warmupMs: scenario.warmupMs };
  return {
    load,
    zones,
    summaries,
    verdicts: loaded.expectations.map((expectation) => ({ expectation, verdict: judge(expectation, runs) })),
  };

  async function summaryOf(contestant: Contestant): Promise<Summary> {
    const splits = contestant.kind === "static_split" ? contestant.keep : [1];
    const runsBySplit = await Promise.all(splits.map((keep) => runsOf(contestant, keep)));
    const ends = scenario.events.filter(({ atMs }) => atMs < scenario.durationMs);
    const phases = new Set([0, ...ends.map(({ atMs }) => Math.floor(atMs / scenario.windowMs))]);
    const starts = [...phases].sort((a, b) => a - b);
    const runs = splits.length === 1 ? runsBySplit[0]! : bestSplit(runsBySplit, starts, warmupWindows);
    return summarize(contestant.name, runs, warmupWindows);
  }

  function runsOf(contestant: Contestant, keep: number): Promise<RunResult[]> {
    const seeds = Array.from({ length: loaded.seeds }, (_, i) => loaded.seed + i);
    return Promise.all(seeds.map((seed) => threads.run({ scenario, contestant, keep, seed })));
  }
}

/** @returns how many runs a scenario takes. */
export function runCount({ cases, contestants, seeds }: LoadedScenario): number {
  const perSeed = contestants.reduce(
    (sum, { kind, keep }) => sum + (kind === "static_split" ? keep.length : 1),
    0,
  );
  return cases.length * perSeed * seeds;
}
