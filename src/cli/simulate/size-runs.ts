import type { RunResult } from "../../sim/run-result.ts";
import type { Contestant, EndpointGroup, Scenario } from "../../sim/scenario.ts";
import { summarize } from "../../sim/summary.ts";
import type { SimulationThreads } from "./simulation-threads.ts";

/** What a number of endpoints came to. */
export interface SizeFigures {
  readonly p99Ms: number;
  /** Of the busiest endpoint, the share of its servers that is busy, over the windows after the warm-up; 0 to 1. */
  readonly busiest: number;
}

/** The runs of one policy with other numbers of endpoints; each is done once, whoever asks for it. */
export class SizeRuns {
  readonly #scenario: Scenario;
  readonly #contestant: Contestant;
  readonly #threads: SimulationThreads;
  readonly #peak: number;
  readonly #runs = new Map<string, Promise<SizeFigures>>();

  /** @param peak traffic, times the scenario's. */
  constructor(scenario: Scenario, contestant: Contestant, threads: SimulationThreads, peak: number) {
    this.#scenario = scenario;
    this.#contestant = contestant;
    this.#threads = threads;
    this.#peak = peak;
  }

  /** Endpoints of the scenario. */
  get given(): number {
    return this.#scenario.endpoints.reduce((sum, { count }) => sum + count, 0);
  }

  /** So few, and not even a single queue for all would end: the work there is, in endpoints. */
  get tooFew(): number {
    return Math.max(1, Math.floor(this.given * this.#scenario.traffic.load * this.#peak)) - 1;
  }

  /** @returns the means over these seeds. */
  async figures(count: number, seeds: readonly number[]): Promise<SizeFigures> {
    const all = await Promise.all(seeds.map((seed) => this.#run(count, seed)));
    const mean = (of: (figures: SizeFigures) => number): number =>
      all.reduce((sum, each) => sum + of(each), 0) / all.length;
    return { p99Ms: mean(({ p99Ms }) => p99Ms), busiest: mean(({ busiest }) => busiest) };
  }

  #run(count: number, seed: number): Promise<SizeFigures> {
    const key = `${count} ${seed}`;
    let run = this.#runs.get(key);
    if (run === undefined) {
      const scenario = resize(this.#scenario, count, this.#peak);
      const keep = this.#contestant.keep[0] ?? 1;
      run = this.#threads
        .run({ scenario, contestant: this.#contestant, keep, seed })
        .then((result) => figuresOf(result, scenario.warmupMs / scenario.windowMs));
      this.#runs.set(key, run);
    }
    return run;
  }
}

function figuresOf(run: RunResult, warmupWindows: number): SizeFigures {
  const { p99 } = summarize("", [run], warmupWindows).seeds[0]!;
  let busyMs = 0;
  let serverMs = 0;
  for (const window of run.windows.slice(warmupWindows)) {
    busyMs += sum(window.busyMs);
    serverMs += sum(window.serverMs);
  }
  return { p99Ms: p99, busiest: Math.min(1, (run.imbalance * busyMs) / serverMs) };
}

/** The same traffic, times `peak`, over another number of endpoints, each group by its part. */
function resize(scenario: Scenario, count: number, peak: number): Scenario {
  const given = scenario.endpoints.reduce((total, group) => total + group.count, 0);
  let before = 0;
  let placed = 0;
  const endpoints = scenario.endpoints.map((group) => {
    before += group.count;
    const upTo = Math.round((before / given) * count);
    const resized = { ...group, count: upTo - placed };
    placed = upTo;
    return resized;
  });
  const factor = capacityOf(scenario.endpoints) / capacityOf(endpoints);
  const traffic = { ...scenario.traffic, load: scenario.traffic.load * peak * factor };
  return { ...scenario, endpoints, traffic };
}

/** @returns requests that the healthy ones serve at a time, relative to an endpoint with one server of speed 1. */
export function capacityOf(groups: readonly EndpointGroup[]): number {
  return groups
    .filter(({ listing }) => listing === "healthy")
    .reduce((total, { count, servers, speed }) => total + count * servers * speed, 0);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
