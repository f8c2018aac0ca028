import type { LoadBalancing, SlowStartSettings } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";

/**
 * The share of its weight that an endpoint is given while it is new.
 *
 * Source: Envoy, slow start: max(minShare, (age / window) ^ (1 / aggression)).
 *
 * @param fromMs when it was new; 0 for one that was always there.
 * @returns `minShare` to 1.
 */
export function rampShare(settings: SlowStartSettings, fromMs: number, nowMs: number): number {
  if (fromMs === 0) return 1;
  const age = (nowMs - fromMs) / settings.windowMs;
  if (age >= 1) return 1;
  if (age <= 0) return Math.max(settings.minShare, LEAST_SHARE);
  return Math.max(settings.minShare, LEAST_SHARE, age ** (1 / settings.aggression));
}

/** Nothing is ramped down to nothing: a share of 0 could never be seen to be well. */
const LEAST_SHARE = 0.001;

/**
 * How much of a tier's load it may have for the age of its endpoints: 1 when none of them is new. A new endpoint that is alone in
 * its tier has nobody to be compared with there; what is missing to 1 belongs to the next tier, if there is one.
 *
 * @returns above 0, at most 1.
 */
export function tierShare(
  { slowStart }: Pick<LoadBalancing, "slowStart">,
  { rampFromMs, weights, count }: CandidateSet,
  nowMs: number,
): number {
  if (slowStart === null || rampFromMs === undefined) return 1;
  let ramped = 0;
  let full = 0;
  for (let i = 0; i < count; i++) {
    ramped += weights[i]! * rampShare(slowStart, rampFromMs[i]!, nowMs);
    full += weights[i]!;
  }
  return full === 0 ? 1 : ramped / full;
}

/** @returns when the last of the endpoints is new no more; 0 when none is new. */
export function rampEndMs(
  slowStart: SlowStartSettings | null,
  { rampFromMs, rampLastMs }: Pick<CandidateSet, "rampFromMs" | "rampLastMs">,
): number {
  if (slowStart === null || rampFromMs === undefined) return 0;
  const latest = rampLastMs ?? latestOf(rampFromMs);
  return latest === 0 ? 0 : latest + slowStart.windowMs;
}

function latestOf(rampFromMs: Float64Array): number {
  let latest = 0;
  for (let i = 0; i < rampFromMs.length; i++) if (rampFromMs[i]! > latest) latest = rampFromMs[i]!;
  return latest;
}
