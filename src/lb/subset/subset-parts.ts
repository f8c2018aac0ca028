import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { TierGroup } from "../zone/tier-groups.ts";
import type { SubsetColumns } from "./subset-columns.ts";
import { scoreOf } from "./subset-columns.ts";

/** A subset whose healthy part is below this share of it grows. */
const LEAST_FIT_SHARE = 0.5;

/**
 * Which part of each endpoint of a tier this proxy uses, as a factor on its weight. A subset that is mostly sick grows by those that come next for this proxy, to
 * twice its size until it is not, or is everything.
 *
 * @param columns of all of the snapshot's tiers.
 * @param size {@link subsetSize}.
 * @param isFit whether an endpoint can be used just now.
 * @returns by index in the snapshot, 0 for not at all; undefined when all endpoints are used.
 */
export function subsetParts(
  snapshot: ClusterSnapshot,
  { indexes }: TierGroup,
  { parts, scores }: SubsetColumns,
  isFit: (index: number) => boolean,
): Float32Array | undefined {
  let count = 0;
  for (let i = 0; i < indexes.length; i++) if (parts[indexes[i]!]! > 0) count++;
  if (isMostlyFit(snapshot, indexes, parts, isFit)) return parts;
  const own = Float64Array.from(indexes, (index) => scores[index]!);
  const grown = new Float32Array(parts);
  for (let wanted = count * 2; wanted < indexes.length; wanted *= 2) {
    const least = scoreOf(own, wanted);
    indexes.forEach((index, i) => {
      if (grown[index] === 0 && own[i]! >= least) grown[index] = 1;
    });
    if (isMostlyFit(snapshot, indexes, grown, isFit)) return grown;
  }
  return undefined;
}

function isMostlyFit(
  snapshot: ClusterSnapshot,
  indexes: Int32Array,
  parts: Float32Array,
  isFit: (index: number) => boolean,
): boolean {
  let fit = 0;
  let all = 0;
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!;
    const weight = parts[index]! * snapshot.weightAt(index);
    if (weight === 0) continue;
    all += weight;
    if (isFit(index)) fit += weight;
  }
  return fit >= LEAST_FIT_SHARE * all;
}
