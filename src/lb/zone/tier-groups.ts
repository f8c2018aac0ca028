import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { TrafficDistribution } from "../../resource/load-balancing.ts";
import type { Place } from "../place.ts";

/** Endpoints that are equally preferred. */
export interface TierGroup {
  readonly priority: number;
  /** How far away: 0 the node, 1 the zone, 2 the region, 3 anywhere; indexes of TIER_NAMES. */
  readonly distance: number;
  /** Indexes in the snapshot, ascending. */
  readonly indexes: number[];
}

const NODE = 0;
const ZONE = 1;
const REGION = 2;
const ANY = 3;
/** Out of reach, whatever else there is. */
const BEYOND = 4;

/** What {@link tierGroups} needs to know beside the endpoints. */
export interface GroupingOptions {
  readonly distribution: TrafficDistribution;
  /** Only the nearest place that has endpoints. */
  readonly strict: boolean;
  /** Whether an endpoint may be used at all; default: all. */
  readonly accept?: ((index: number) => boolean) | undefined;
}

/**
 * Sorts endpoints by their priority, and within it by how near they are.
 *
 * @param onFurther told of the endpoints that `strict` and `OnlySameNode` rule out.
 */
export function tierGroups(
  snapshot: ClusterSnapshot,
  place: Place,
  options: GroupingOptions,
  onFurther?: (index: number) => void,
): TierGroup[] {
  const { distribution, strict, accept } = options;
  const groups = new Map<number, TierGroup>();
  let nearest = ANY;
  for (let index = 0; index < snapshot.count; index++) {
    if (accept !== undefined && !accept(index)) continue;
    const distance = distanceOf(snapshot, index, place, distribution);
    if (distance === BEYOND) {
      onFurther?.(index);
      continue;
    }
    const priority = snapshot.priorityAt(index);
    if (distance < nearest) nearest = distance;
    const key = priority * (ANY + 1) + distance;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { priority, distance, indexes: [index] });
    else group.indexes.push(index);
  }
  const all = [...groups.values()].sort((a, b) => a.priority - b.priority || a.distance - b.distance);
  if (!strict || nearest === ANY) return all;
  for (const { distance, indexes } of all)
    if (distance > nearest) for (const index of indexes) onFurther?.(index);
  return all.filter(({ distance }) => distance === nearest);
}

function distanceOf(
  snapshot: ClusterSnapshot,
  index: number,
  { node, zone, region }: Place,
  distribution: TrafficDistribution,
): number {
  if (distribution === "none") return ANY;
  if (distribution === "PreferSameNode" || distribution === "OnlySameNode") {
    if (node !== "" && snapshot.nodeAt(index) === node) return NODE;
    if (distribution === "OnlySameNode") return BEYOND;
  }
  if (zone !== "" && snapshot.zoneAt(index) === zone) return ZONE;
  return region !== "" && snapshot.regionAt(index) === region ? REGION : ANY;
}
