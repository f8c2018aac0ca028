import type { LoadedScenario } from "./loaded-scenario.ts";
import type { SimulationThreads } from "./simulation-threads.ts";
import type { SizeFigures } from "./size-runs.ts";
import { SizeRuns } from "./size-runs.ts";

/** More endpoints than this times the scenario's are not tried. */
export const MOST_TIMES = 16;

/** What has to be kept. */
export interface SizeLimits {
  /** The p99, in ms; infinite for any. */
  readonly targetMs: number;
  /** Busy share of the busiest endpoint, above 0; infinite for any. */
  readonly utilization: number;
}

/** What a service is sized for. */
export interface SizeGoal extends SizeLimits {
  /** Traffic, times the scenario's. */
  readonly peak: number;
  /** Share of endpoints to add. */
  readonly buffer: number;
}

/** How many endpoints a policy needs. */
export interface SizeResult extends SizeFigures {
  readonly policy: string;
  readonly load: number;
  /** For the peak, without the buffer, by the means over all seeds; infinite when the most that was tried did not suffice. */
  readonly needed: number;
  /** By single seeds: the fewest and the most. */
  readonly range: { readonly from: number; readonly to: number };
  /** With the buffer. */
  readonly recommended: number;
}

/** Sizes the service for each contestant and load. @param onSize called after each. */
export async function sizeAll(
  loaded: LoadedScenario,
  threads: SimulationThreads,
  { peak, buffer, ...limits }: SizeGoal,
  onSize: () => void,
): Promise<SizeResult[]> {
  const results: SizeResult[] = [];
  const seeds = Array.from({ length: loaded.seeds }, (_, i) => loaded.seed + i);
  for (const { load, scenario } of loaded.cases) {
    for (const contestant of loaded.contestants) {
      const runs = new SizeRuns(scenario, contestant, threads, peak);
      const { needed, p99Ms, busiest } = await endpointsNeeded(runs, seeds, limits);
      const single = await Promise.all(seeds.map((seed) => endpointsNeeded(runs, [seed], limits)));
      const bySeed = single.map((each) => each.needed);
      const range = { from: Math.min(...bySeed), to: Math.max(...bySeed) };
      const recommended = Math.ceil(needed * (1 + buffer));
      results.push({ policy: contestant.name, load, needed, range, recommended, p99Ms, busiest });
      onSize();
    }
  }
  return results;
}

/** Finds the fewest endpoints that keep the limits, by halving: p99 and the busiest's share fall with more endpoints but for chance. */
export async function endpointsNeeded(
  runs: SizeRuns,
  seeds: readonly number[],
  { targetMs, utilization }: SizeLimits,
): Promise<SizeFigures & { readonly needed: number }> {
  const most = runs.given * MOST_TIMES;
  const suffices = ({ p99Ms, busiest }: SizeFigures): boolean =>
    p99Ms <= targetMs && !(busiest > utilization);
  let low = runs.tooFew;
  let high = Math.max(low + 1, runs.given);
  let found = await runs.figures(high, seeds);
  while (!suffices(found)) {
    if (high >= most) return { needed: Number.POSITIVE_INFINITY, ...found };
    low = high;
    high = Math.min(high * 2, most);
    found = await runs.figures(high, seeds);
  }
  // To 1 %: no more is sure with so few seeds.
  while (high - low > Math.max(1, Math.floor(high / 100))) {
    const middle = Math.floor((low + high) / 2);
    const figures = await runs.figures(middle, seeds);
    if (suffices(figures)) {
      high = middle;
      found = figures;
    } else low = middle;
  }
  return { needed: high, ...found };
}
