import { SeededRandom } from "../../src/base/random.ts";
import type { Picker } from "../../src/lb/picker.ts";
import { request } from "./pick-fixture.ts";

/** An endpoint of the simulation. */
export interface SimulatedEndpoint {
  /** Mean of its exponentially distributed service time. */
  readonly serviceMs: number;
  /** Requests it serves at a time; the others wait in order of arrival. */
  readonly servers: number;
}

/** What a simulation runs. */
export interface SimulationOptions {
  readonly picker: Picker;
  /** By candidate index. */
  readonly endpoints: readonly SimulatedEndpoint[];
  /** Requests per millisecond, Poisson. */
  readonly ratePerMs: number;
  readonly requests: number;
  readonly seed: number;
}

/** How the requests fared. */
export interface SimulationResult {
  /** Latency of each request in ms, ascending. */
  readonly latenciesMs: Float64Array;
  /** Requests by candidate index. */
  readonly counts: readonly number[];
}

/**
 * Sends requests through a picker to simulated endpoints in virtual time. Each endpoint is a queue with some servers,
 * so a request's end is known when it arrives: it begins when the server that is free first is free. In flight is
 * what has arrived and not ended.
 */
export function simulate({
  picker,
  endpoints,
  ratePerMs,
  requests,
  seed,
}: SimulationOptions): SimulationResult {
  const random = new SeededRandom(seed);
  const exponential = (mean: number) => -mean * Math.log(1 - random.nextFloat());
  const { slots } = picker.candidates;
  const freeAtMs = endpoints.map(({ servers }) => new Array<number>(servers).fill(0));
  const endsMs: number[][] = endpoints.map(() => []);
  const indexBySlot = new Map([...slots].map((slot, index) => [slot, index]));
  const counts = endpoints.map(() => 0);
  const latenciesMs = new Float64Array(requests);
  let nowMs = 0;
  const inFlight = (slot: number): number => {
    const index = indexBySlot.get(slot)!;
    endsMs[index] = endsMs[index]!.filter((endMs) => endMs > nowMs);
    return endsMs[index].length;
  };
  const loads = { inFlight, load: inFlight, total: () => 0 };
  const asked = request();
  for (let i = 0; i < requests; i++) {
    nowMs += exponential(1 / ratePerMs);
    asked.sequence = i;
    const index = picker.pick(asked, loads, random, nowMs);
    const servers = freeAtMs[index]!;
    const first = servers.indexOf(Math.min(...servers));
    const endMs = Math.max(nowMs, servers[first]!) + exponential(endpoints[index]!.serviceMs);
    servers[first] = endMs;
    endsMs[index]!.push(endMs);
    counts[index]!++;
    latenciesMs[i] = endMs - nowMs;
  }
  return { latenciesMs: latenciesMs.sort(), counts };
}

/** @param share 0 to 1. */
export function quantile(ascending: Float64Array, share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))]!;
}
