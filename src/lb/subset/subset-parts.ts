import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { TierGroup } from "../zone/tier-groups.ts";
import type { SubsetColumns } from "./subset-columns.ts";
import { scoreOf } from "./subset-columns.ts";

/** A subset whose healthy part is below this share of it grows. */
const LEAST_FIT_SHARE = 0.5;

/** What of a tier one proxy uses. */
export interface TierSubset {
  /** Indexes in the snapshot, ascending. */
  readonly indexes: Int32Array;
  /** By index in the snapshot: factor on the endpoint's weight. */
  readonly parts: Float32Array;
}

/**
 * What of a tier this proxy uses. A subset that is mostly sick grows by those that come next for this proxy, to twice its size until it is
 * not, or is everything. Looks at those that are used alone, while most of them are fit: no request is served meanwhile.
 *
 * @param number of the group among the snapshot's tiers, which the columns were made of.
 * @param isFit whether an endpoint can be used just now.
 * @returns undefined when all endpoints are used.
 */
export function subsetParts(
  snapshot: ClusterSnapshot,
  { indexes }: TierGroup,
  number: number,
  { parts, scores, used }: SubsetColumns,
  isFit: (index: number) => boolean,
): TierSubset | undefined {
  const usual = { indexes: used[number]!, parts };
  if (isMostlyFit(snapshot, usual, isFit)) return usual;
  const own = Float64Array.from(indexes, (index) => scores[index]!);
  const grown = new Float32Array(parts);
  for (let wanted = usual.indexes.length * 2; wanted < indexes.length; wanted *= 2) {
    const least = scoreOf(own, wanted);
    indexes.forEach((index, i) => {
      if (grown[index] === 0 && own[i]! >= least) grown[index] = 1;
    });
    const wider = { indexes: indexes.filter((index) => grown[index]! > 0), parts: grown };
    if (isMostlyFit(snapshot, wider, isFit)) return wider;
  }
  return undefined;
}

function isMostlyFit(
  { weights }: ClusterSnapshot,
  { indexes, parts }: TierSubset,
  isFit: (index: number) => boolean,
): boolean {
  let fit = 0;
  let all = 0;
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!;
    const weight = parts[index]! * weights[index]!;
    all += weight;
    if (isFit(index)) fit += weight;
  }
  return fit >= LEAST_FIT_SHARE * all;
}
