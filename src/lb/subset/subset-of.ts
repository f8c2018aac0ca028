import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { Fleet } from "../../resource/fleet.ts";
import type { Place } from "../place.ts";
import { tierGroups } from "../zone/tier-groups.ts";
import type { SubsetColumns } from "./subset-columns.ts";
import { subsetColumns, subsetSize } from "./subset-columns.ts";
import { subsetParts } from "./subset-parts.ts";

/**
 * The endpoints this proxy may send to, on whatever tier: for what looks after endpoints without picking among them.
 *
 * @param isFit as for {@link subsetParts}; default: all are.
 * @param known where they have been made already.
 * @returns undefined when it may send to all.
 */
export function subsetOf(
  snapshot: ClusterSnapshot,
  place: Place,
  fleet: Fleet | undefined,
  isFit: (index: number) => boolean = () => true,
  known?: SubsetColumns | undefined,
): ((index: number) => boolean) | undefined {
  const { locality, subset } = snapshot.settings.loadBalancing;
  if (!subset.enabled || fleet === undefined) return undefined;
  const groups = tierGroups(snapshot, place, locality);
  const columns = known ?? subsetColumns(snapshot, groups, place, fleet);
  if (columns === undefined) return undefined;
  const used = new Uint8Array(snapshot.count);
  for (const [number, group] of groups.entries()) {
    const isCut = subsetSize(snapshot, group, place, fleet) !== undefined;
    const part = isCut ? subsetParts(snapshot, group, number, columns, isFit) : undefined;
    for (const index of (part ?? group).indexes) used[index] = 1;
  }
  return (index) => used[index] === 1;
}
