import type { ScenarioFile } from "../../config/scenario-schema.ts";
import type { Contestant, Scenario } from "../../sim/scenario.ts";
import { summarize } from "../../sim/summary.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import type { SimulationThreads } from "./simulation-threads.ts";
import { SizeRuns } from "./size-runs.ts";
import { endpointsNeeded } from "./size-service.ts";

/** A point of the curve. */
export interface PodsPoint {
  readonly load: number;
  readonly clientsPerEndpoint: number;
  readonly channels: number;
  /** What the reference reaches with the endpoints as given, in ms. */
  readonly p99Ms: number;
  /** How many endpoints the reference needs for that, or longer by the tolerance. */
  readonly referenceNeeded: number;
  /** How many endpoints balancing per connection needs for the same; infinite when none of those tried suffices. */
  readonly needed: number;
  /** Share of those that the reference saves, 0 to 1. */
  readonly saved: number;
}

/** What a point is sized for. */
interface Goal {
  readonly p99Ms: number;
  readonly targetMs: number;
  readonly needed: number;
}

/** @returns how many points {@link podsCurve} finds. */
export function podsPoints({ cases }: LoadedScenario, pods: NonNullable<ScenarioFile["pods"]>): number {
  return cases.length * pods.clientsPerEndpoint.length * pods.channels.length;
}

/**
 * How many endpoints balancing per connection needs for the p99 the reference reaches with those of the scenario, over loads, clients per
 * endpoint and channels per client. The clients are spread over the scenario's proxies; when there are fewer clients, over as many proxies.
 *
 * @param onPoint called after each.
 */
export async function podsCurve(
  loaded: LoadedScenario,
  pods: NonNullable<ScenarioFile["pods"]>,
  threads: SimulationThreads,
  onPoint: () => void,
): Promise<PodsPoint[]> {
  const reference = loaded.contestants.find(({ name }) => name === pods.reference)!;
  const perConnection = loaded.contestants.find(({ name }) => name === pods.policy)!;
  const seeds = Array.from({ length: pods.seeds }, (_, i) => loaded.seed + i);
  const goals = new Map<string, Promise<Goal>>();
  const points = loaded.cases.flatMap(({ load, scenario }) =>
    pods.clientsPerEndpoint.map((clientsPerEndpoint) => ({ load, scenario, clientsPerEndpoint })),
  );
  const found = await Promise.all(
    points.map(async ({ load, scenario, clientsPerEndpoint }) => {
      const clients = withClients(scenario, clientsPerEndpoint, 1);
      const { p99Ms, targetMs, needed: referenceNeeded } = await goalOf(clients);
      return Promise.all(
        pods.channels.map(async (channels) => {
          const pinned = withClients(scenario, clientsPerEndpoint, channels);
          const needed = await neededBy(pinned, perConnection, targetMs);
          onPoint();
          const saved = 1 - referenceNeeded / needed;
          return { load, clientsPerEndpoint, channels, p99Ms, referenceNeeded, needed, saved };
        }),
      );
    }),
  );
  return found.flat();

  /** The reference is sized for what the others are sized for: with the tolerance it may do with fewer than it was given. */
  function goalOf(scenario: Scenario): Promise<Goal> {
    // To the reference only the proxies matter, and not how many clients are behind each.
    const key = `${scenario.traffic.load} ${scenario.callers.map(({ count }) => count)}`;
    let goal = goals.get(key);
    if (goal === undefined) {
      goal = p99Of(scenario, reference).then(async (p99Ms) => {
        const targetMs = p99Ms * (1 + pods.tolerance);
        const needed = await neededBy(scenario, reference, targetMs);
        return { p99Ms, targetMs, needed };
      });
      goals.set(key, goal);
    }
    return goal;
  }

  async function neededBy(scenario: Scenario, contestant: Contestant, targetMs: number): Promise<number> {
    const runs = new SizeRuns(scenario, contestant, threads, 1);
    return (await endpointsNeeded(runs, seeds, { targetMs, utilization: Number.POSITIVE_INFINITY })).needed;
  }

  async function p99Of(scenario: Scenario, contestant: Contestant): Promise<number> {
    const runs = await Promise.all(seeds.map((seed) => threads.run({ scenario, contestant, keep: 1, seed })));
    const figures = summarize("", runs, scenario.warmupMs / scenario.windowMs).seeds;
    return figures.reduce((sum, { p99 }) => sum + p99, 0) / figures.length;
  }
}

function withClients(scenario: Scenario, clientsPerEndpoint: number, channels: number): Scenario {
  const endpoints = scenario.endpoints.reduce((sum, { count }) => sum + count, 0);
  const clients = Math.max(1, Math.round(clientsPerEndpoint * endpoints));
  const callers = scenario.callers.map((group) => {
    const count = Math.min(group.count, clients);
    return { ...group, count, clients: Math.max(1, Math.round(clients / count)), channels };
  });
  return { ...scenario, callers };
}

/** The curve as a table for a terminal: what share of the endpoints is saved. */
export function podsTable(points: readonly PodsPoint[]): string {
  const channels = [...new Set(points.map((point) => point.channels))];
  const rows = new Map<string, PodsPoint[]>();
  for (const point of points) {
    const key = `${point.load}  ${point.clientsPerEndpoint}`;
    rows.set(key, [...(rows.get(key) ?? []), point]);
  }
  const lines = [...rows.values()].map((row) => {
    const { load, clientsPerEndpoint, p99Ms, referenceNeeded } = row[0]!;
    const cells = row.map(({ needed, saved }) =>
      (Number.isFinite(needed) ? `${(saved * 100).toFixed(0)} % (${needed})` : "never").padStart(12),
    );
    const key = [load, clientsPerEndpoint].map((value) => String(value).padStart(7));
    return `  ${key.join("  ")}  ${p99Ms.toFixed(0).padStart(6)}  ${String(referenceNeeded).padStart(5)}${cells.join("")}`;
  });
  const head = `     load  clients  p99 ms  needs${channels.map((count) => `${count} ch.`.padStart(12)).join("")}`;
  return [
    "endpoints saved against balancing per connection, at equal p99 (endpoints that needs; `needs`: the reference)",
    head,
    ...lines,
    "",
  ].join("\n");
}
