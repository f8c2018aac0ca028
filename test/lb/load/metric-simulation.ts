import { SeededRandom } from "../../../src/base/random.ts";
import type { CandidateSet } from "../../../src/lb/candidate-set.ts";
import { plainCandidates, plainRequest } from "../../../src/lb/conformance/conformance-subject.ts";
import { createPicker } from "../../../src/lb/create-picker.ts";
import { createLoads } from "../../../src/lb/load/create-loads.ts";
import { EndpointMeasures } from "../../../src/lb/load/endpoint-measures.ts";
import type { LoadBalancing } from "../../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../../src/resource/load-balancing.ts";

/** How an endpoint serves: `failing` is the share that it fails, at once; what comes from `hangsFromMs` on is never answered. */
export interface ServedBy {
  readonly serviceMs: number;
  readonly failing?: number;
  readonly hangsFromMs?: number;
}

/** What a run of {@link runMetric} is made of. */
export interface MetricRun {
  readonly settings?: Partial<LoadBalancing>;
  readonly weights: readonly number[];
  readonly endpoints: readonly ServedBy[];
  readonly ratePerMs: number;
  readonly requests: number;
  readonly candidates?: Partial<CandidateSet>;
  /** Only requests from here on are counted. */
  readonly fromMs?: number;
  readonly untilMs?: number;
}

/** Sends requests by a metric in virtual time to endpoints that serve any number at once. @returns requests by endpoint, and most in flight. */
export function runMetric(run: MetricRun): { counts: number[]; peaks: number[] } {
  const settings: LoadBalancing = { ...LOAD_BALANCING_DEFAULTS, ...run.settings };
  const candidates = { ...plainCandidates(run.weights), ...run.candidates };
  const slots = 3 + 2 * run.weights.length;
  const inFlight = new Int32Array(slots);
  const measures = new EndpointMeasures(1, slots);
  const loads = createLoads(settings, { inFlight, slots, measures });
  loads.follow(candidates.slots, candidates.weights);
  const picker = createPicker(settings, candidates);
  const random = new SeededRandom(5);
  const asked = plainRequest();
  const counts = run.weights.map(() => 0);
  const peaks = run.weights.map(() => 0);
  const ends: { atMs: number; index: number; beganMs: number; fails: boolean }[] = [];
  let nowMs = 1;
  let refreshMs = 0;
  for (let i = 0; i < run.requests; i++) {
    nowMs += -Math.log(1 - random.nextFloat()) / run.ratePerMs;
    for (let e = ends.length - 1; e >= 0; e--) {
      const end = ends[e]!;
      if (end.atMs > nowMs) continue;
      ends[e] = ends[ends.length - 1]!;
      ends.pop();
      const slot = candidates.slots[end.index]!;
      inFlight[slot]!--;
      measures.waitedFor(0, slot, end.beganMs);
      const tookMs = end.atMs - end.beganMs;
      if (end.fails) measures.observeFault(0, slot, Math.max(tookMs, 10 * loads.referenceMs), nowMs);
      else measures.observeLatency(0, slot, tookMs, nowMs);
    }
    if (nowMs >= refreshMs) {
      loads.refresh(nowMs);
      refreshMs = nowMs + 250;
    }
    asked.sequence = i;
    const index = picker.pick(asked, loads, random, nowMs);
    const { serviceMs, failing = 0, hangsFromMs = Number.POSITIVE_INFINITY } = run.endpoints[index]!;
    const slot = candidates.slots[index]!;
    const fails = random.nextFloat() < failing;
    inFlight[slot]!++;
    measures.began(0, slot, nowMs);
    const servedMs = fails ? 0.5 : serviceMs * (0.8 + 0.4 * random.nextFloat());
    const tookMs = nowMs >= hangsFromMs ? Number.POSITIVE_INFINITY : servedMs;
    ends.push({ atMs: nowMs + tookMs, index, beganMs: nowMs, fails });
    if (nowMs >= (run.fromMs ?? 0) && nowMs < (run.untilMs ?? Number.POSITIVE_INFINITY)) {
      counts[index]!++;
      peaks[index] = Math.max(peaks[index]!, inFlight[slot]!);
    }
  }
  return { counts, peaks };
}
