import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { Fleet } from "../../resource/fleet.ts";
import type { Place } from "../place.ts";
import { tierGroups } from "../zone/tier-groups.ts";
import { subsetParts } from "./subset-parts.ts";

/**
 * The endpoints this proxy may send to, on whatever tier: for what looks after endpoints without picking among them.
 *
 * @param isFit as for {@link subsetParts}; default: all are.
 * @returns undefined when it may send to all.
 */
export function subsetOf(
  snapshot: ClusterSnapshot,
  place: Place,
  fleet: Fleet | undefined,
  isFit: (index: number) => boolean = () => true,
): ((index: number) => boolean) | undefined {
  const { locality, subset } = snapshot.settings.loadBalancing;
  if (!subset.enabled || fleet === undefined) return undefined;
  const used = new Uint8Array(snapshot.count);
  for (const group of tierGroups(snapshot, place, locality)) {
    const parts = subsetParts(snapshot, group, place, fleet, isFit);
    for (const index of parts?.keys() ?? group.indexes) used[index] = 1;
  }
  return (index) => used[index] === 1;
}
