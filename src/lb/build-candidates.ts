import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { CandidateSet, CandidateTier } from "./candidate-set.ts";

/**
 * Decides which endpoints a cluster's picker chooses from, with zone affinity: the first of these tiers that has any.
 *
 * 1. `local`: healthy, not set aside, in the node's own zone;
 * 2. `any`: healthy, not set aside;
 * 3. `panic`: every endpoint. Trying one that is said to be bad beats failing without a try.
 *
 * Seams: shares between zones (spillover) will scale the weights of a wider set instead of cutting it off; a subset
 * of the ring and slow start act here, as a filter and as a factor on weight; ejection is one more reason in `isAside`.
 *
 * @param zone the node's own; "" means it is not known and no endpoint is local.
 * @param isAside whether an endpoint slot is set aside just now.
 */
export function buildCandidates(
  snapshot: ClusterSnapshot,
  zone: string,
  isAside: (slot: number) => boolean,
): CandidateSet {
  const local: number[] = [];
  const fit: number[] = [];
  for (let i = 0; i < snapshot.count; i++) {
    if (snapshot.healthAt(i) !== HEALTH_CODE.healthy || isAside(snapshot.slotAt(i))) continue;
    fit.push(i);
    if (isLocal(snapshot, i, zone)) local.push(i);
  }
  if (local.length > 0) return candidatesOf(snapshot, "local", local, zone);
  if (fit.length > 0) return candidatesOf(snapshot, "any", fit, zone);
  const all = Array.from({ length: snapshot.count }, (_, i) => i);
  return candidatesOf(snapshot, "panic", all, zone);
}

function isLocal(snapshot: ClusterSnapshot, index: number, zone: string): boolean {
  return zone !== "" && snapshot.zoneAt(index) === zone;
}

function candidatesOf(
  snapshot: ClusterSnapshot,
  tier: CandidateTier,
  indexes: readonly number[],
  zone: string,
): CandidateSet {
  const weights = Float64Array.from(indexes, (index) => snapshot.weightAt(index));
  return {
    tier,
    count: indexes.length,
    slots: Int32Array.from(indexes, (index) => snapshot.slotAt(index)),
    weights,
    equalWeights: weights.every((weight) => weight === weights[0]),
    localCount: indexes.filter((index) => isLocal(snapshot, index, zone)).length,
  };
}
