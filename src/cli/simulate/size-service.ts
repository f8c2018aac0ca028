import type { Contestant, EndpointGroup, Scenario } from "../../sim/scenario.ts";
import { summarize } from "../../sim/summary.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import type { SimulationThreads } from "./simulation-threads.ts";

/** More endpoints than this times the scenario's are not tried. */
const MOST_TIMES = 16;

/** How many endpoints a policy needs. */
export interface SizeResult {
  readonly policy: string;
  readonly load: number;
  /** For the peak, without the buffer; infinite when the most that was tried did not suffice. */
  readonly needed: number;
  /** With the buffer. */
  readonly recommended: number;
  /** With `needed` endpoints, in ms. */
  readonly p99Ms: number;
}

/** What a service is sized for. */
export interface SizeGoal {
  /** The p99 to be kept. */
  readonly targetMs: number;
  /** Traffic, times the scenario's. */
  readonly peak: number;
  /** Share of endpoints to add. */
  readonly buffer: number;
}

/** Sizes the service for each contestant and load. @param onSize called after each. */
export async function sizeAll(
  loaded: LoadedScenario,
  threads: SimulationThreads,
  { targetMs, peak, buffer }: SizeGoal,
  onSize: () => void,
): Promise<SizeResult[]> {
  const results: SizeResult[] = [];
  for (const { load, scenario } of loaded.cases) {
    for (const contestant of loaded.contestants) {
      const seeds = Array.from({ length: loaded.seeds }, (_, i) => loaded.seed + i);
      const { needed, p99Ms } = await endpointsNeeded(scenario, contestant, threads, seeds, targetMs, peak);
      const recommended = Math.ceil(needed * (1 + buffer));
      results.push({ policy: contestant.name, load, needed, recommended, p99Ms });
      onSize();
    }
  }
  return results;
}

/**
 * Finds the fewest endpoints that keep a p99 under the scenario's traffic times `peak`, by halving: a policy's p99 falls with
 * more endpoints but for chance.
 */
export async function endpointsNeeded(
  scenario: Scenario,
  contestant: Contestant,
  threads: SimulationThreads,
  seeds: readonly number[],
  targetMs: number,
  peak: number,
): Promise<{ readonly needed: number; readonly p99Ms: number }> {
  const given = scenario.endpoints.reduce((sum, { count }) => sum + count, 0);
  // Below this even a single queue for all would grow without end.
  let low = Math.max(1, Math.floor(given * scenario.traffic.load * peak)) - 1;
  let high = Math.max(low + 1, given);
  let highP99 = await p99With(high);
  while (highP99 > targetMs) {
    if (high >= given * MOST_TIMES) return { needed: Number.POSITIVE_INFINITY, p99Ms: highP99 };
    low = high;
    high = Math.min(high * 2, given * MOST_TIMES);
    highP99 = await p99With(high);
  }
  // To 1 %: no more is sure with so few seeds.
  while (high - low > Math.max(1, Math.floor(high / 100))) {
    const middle = Math.floor((low + high) / 2);
    const p99 = await p99With(middle);
    if (p99 <= targetMs) {
      high = middle;
      highP99 = p99;
    } else low = middle;
  }
  return { needed: high, p99Ms: highP99 };

  async function p99With(count: number): Promise<number> {
    const resized = resize(scenario, count, peak);
    const runs = await Promise.all(
      seeds.map((seed) =>
        threads.run({ scenario: resized, contestant, keep: contestant.keep[0] ?? 1, seed }),
      ),
    );
    const { seeds: figures } = summarize("", runs, scenario.warmupMs / scenario.windowMs);
    return figures.reduce((sum, { p99 }) => sum + p99, 0) / figures.length;
  }
}

/** The same traffic, times `peak`, over another number of endpoints, each group by its part. */
export function resize(scenario: Scenario, count: number, peak: number): Scenario {
  const given = scenario.endpoints.reduce((sum, group) => sum + group.count, 0);
  let before = 0;
  let placed = 0;
  const endpoints = scenario.endpoints.map((group) => {
    before += group.count;
    const upTo = Math.round((before / given) * count);
    const resized = { ...group, count: upTo - placed };
    placed = upTo;
    return resized;
  });
  const factor = capacity(scenario.endpoints) / capacity(endpoints);
  const traffic = { ...scenario.traffic, load: scenario.traffic.load * peak * factor };
  return { ...scenario, endpoints, traffic };
}

/** The sizes as a table for a terminal. */
export function sizeTable(
  sizes: readonly SizeResult[],
  { target, peak, buffer }: { readonly target: number; readonly peak: number; readonly buffer: number },
): string {
  const widest = Math.max(6, ...sizes.map(({ policy }) => policy.length));
  const lines = sizes.map(({ policy, load, needed, recommended, p99Ms }) => {
    const found = Number.isFinite(needed)
      ? `${String(needed).padStart(9)}  ${String(recommended).padStart(11)}  ${p99Ms.toFixed(0).padStart(6)}`
      : `none of up to ${MOST_TIMES} times as many suffices (p99 ${p99Ms.toFixed(0)} ms)`;
    return `  ${policy.padEnd(widest)}  ${String(load).padStart(4)}  ${found}`;
  });
  const head = `  ${"policy".padEnd(widest)}  load  endpoints  with buffer  p99 ms`;
  return [
    `endpoints for a p99 of ${target} ms at ${peak} times the traffic, buffer ${buffer} %`,
    head,
    ...lines,
    "",
  ].join("\n");
}

function capacity(groups: readonly EndpointGroup[]): number {
  return groups
    .filter(({ listing }) => listing === "healthy")
    .reduce((sum, { count, servers, speed }) => sum + count * servers * speed, 0);
}
