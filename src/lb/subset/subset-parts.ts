import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { Fleet } from "../../resource/fleet.ts";
import type { Place } from "../place.ts";
import type { TierGroup } from "../zone/tier-groups.ts";
import { EndpointRing } from "./endpoint-ring.ts";
import type { RingSlice } from "./fleet-slice.ts";
import { fleetSlice } from "./fleet-slice.ts";

/** A slice whose healthy part is below this share of it grows. */
const LEAST_FIT_SHARE = 0.5;

/**
 * Which part of each endpoint of a tier this proxy uses: of those at the ends of its slice only some, as a factor on their weight. A slice
 * that is mostly sick grows to twice its length until it is not, or is everything.
 *
 * @param isFit whether an endpoint can be used just now.
 * @returns by index in the snapshot, 0 for not at all; undefined when all endpoints are used.
 */
export function subsetParts(
  snapshot: ClusterSnapshot,
  group: TierGroup,
  place: Place,
  fleet: Fleet | undefined,
  isFit: (index: number) => boolean,
): Map<number, number> | undefined {
  const { subset, locality } = snapshot.settings.loadBalancing;
  // Endpoints of the node itself have no other proxy to share them with.
  if (!subset.enabled || fleet === undefined || group.distance === 0) return undefined;
  const isZonal = locality.distribution !== "none" && place.zone !== "";
  const slice = fleetSlice(fleet, subset, isZonal, group.indexes.length);
  if (slice === undefined) return undefined;
  const ring = new EndpointRing(snapshot, group.indexes);
  for (let wider: RingSlice = slice; wider.length < 1; wider = { ...wider, length: wider.length * 2 }) {
    const parts = new Map<number, number>();
    let fit = 0;
    let all = 0;
    ring.cut(wider, (index, part) => {
      parts.set(index, part);
      const weight = part * snapshot.weightAt(index);
      all += weight;
      if (isFit(index)) fit += weight;
    });
    if (fit >= LEAST_FIT_SHARE * all) return parts;
  }
  return undefined;
}
