import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { TrafficDistribution } from "../../resource/load-balancing.ts";
import { TIER_NAMES } from "../candidate-set.ts";
import { countingFromZero } from "../counting-from-zero.ts";
import { partsOf } from "../parts-of.ts";
import type { Place } from "../place.ts";

/** Endpoints that are equally preferred. */
export interface TierGroup {
  readonly priority: number;
  /** How far away: 0 the node, 1 the zone, 2 the region, 3 anywhere; indexes of TIER_NAMES. */
  readonly distance: number;
  /** Indexes in the snapshot, ascending. */
  readonly indexes: Int32Array;
  /** The same as ranges, where they are few: first index of each and that after its last, by turns. */
  readonly ranges: readonly number[] | undefined;
}

const NODE = 0;
const ZONE = 1;
const REGION = 2;
const ANY = 3;
const DISTANCES = TIER_NAMES.length;
/** The groups of an endpoint that is not accepted, and of one that is out of reach, whatever else there is. */
const NOT_ACCEPTED = 0xffff;
const BEYOND = 0xfffe;

/** What {@link tierGroups} needs to know beside the endpoints. */
export interface GroupingOptions {
  readonly distribution: TrafficDistribution;
  /** Only the nearest place that has endpoints. */
  readonly strict: boolean;
  /** Whether an endpoint may be used at all; default: all. */
  readonly accept?: ((index: number) => boolean) | undefined;
}

/**
 * Sorts endpoints by their priority, and within it by how near they are. Two passes over columns: of 10,000 endpoints an update must not
 * hold up requests.
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
  const { count } = snapshot;
  const isByZone = distribution === "none" || distribution === "PreferSameZone";
  if (snapshot.hasZonesInTurn && isByZone && accept === undefined && count > 0) {
    return nearestOnly(groupsOfZones(snapshot, place, distribution), strict, onFurther);
  }
  const sizes = new Int32Array((snapshot.maxPriority + 1) * DISTANCES);
  const groupOf = groupsOfEndpoints(snapshot, place, distribution);
  if (accept !== undefined) for (let i = 0; i < count; i++) if (!accept(i)) groupOf[i] = NOT_ACCEPTED;
  for (let i = 0; i < count; i++) {
    const group = groupOf[i]!;
    if (group < BEYOND) sizes[group]!++;
    else if (group === BEYOND) onFurther?.(i);
  }
  // Groups are numbered in the order in which they are preferred.
  const byNumber: (TierGroup | undefined)[] = [];
  for (let number = 0; number < sizes.length; number++) {
    const size = sizes[number]!;
    if (size === 0) continue;
    const distance = number % DISTANCES;
    const indexes = size === count ? countingFromZero(count) : indexesOf(groupOf, number, size);
    const ranges = size === count ? [0, count] : undefined;
    byNumber[number] = { priority: Math.floor(number / DISTANCES), distance, indexes, ranges };
  }
  const all = byNumber.filter((group) => group !== undefined);
  return nearestOnly(all, strict, onFurther);
}

function nearestOnly(
  all: TierGroup[],
  strict: boolean,
  onFurther: ((index: number) => void) | undefined,
): TierGroup[] {
  const nearest = Math.min(...all.map(({ distance }) => distance));
  if (!strict || nearest === ANY) return all;
  for (const { distance, indexes } of all)
    if (distance > nearest) for (const index of indexes) onFurther?.(index);
  return all.filter(({ distance }) => distance === nearest);
}

/** Without a look at any endpoint: zones are ranges of indexes. */
function groupsOfZones(
  snapshot: ClusterSnapshot,
  place: Place,
  distribution: TrafficDistribution,
): TierGroup[] {
  const rangesOf: number[][] = [];
  let from = 0;
  for (let zoneId = 0; zoneId < snapshot.zoneCount; zoneId++) {
    const to = from + snapshot.zoneSize(zoneId);
    const distance = distanceOfZone(snapshot, zoneId, place, distribution);
    rangesOf[distance] ??= [];
    const ranges = rangesOf[distance];
    if (ranges.at(-1) === from) ranges[ranges.length - 1] = to;
    else ranges.push(from, to);
    from = to;
  }
  const all = countingFromZero(snapshot.count);
  const groups: TierGroup[] = [];
  rangesOf.forEach((ranges, distance) => {
    groups.push({ priority: 0, distance, indexes: partsOf(all, ranges), ranges });
  });
  return groups;
}

/** @returns by endpoint its priority × distances + distance. */
function groupsOfEndpoints(
  snapshot: ClusterSnapshot,
  place: Place,
  distribution: TrafficDistribution,
): Uint16Array {
  const { count } = snapshot;
  const groups = new Uint16Array(count);
  const byZone = Uint8Array.from({ length: snapshot.zoneCount }, (_, zoneId) =>
    distanceOfZone(snapshot, zoneId, place, distribution),
  );
  if (snapshot.zoneCount === 1) groups.fill(byZone[0]!);
  else {
    const zoneIds = snapshot.zoneIds();
    for (let i = 0; i < count; i++) groups[i] = byZone[zoneIds[i]!]!;
  }
  const isOnly = distribution === "OnlySameNode";
  if (isOnly) groups.fill(BEYOND);
  if ((isOnly || distribution === "PreferSameNode") && place.node !== "") {
    const isOwn = snapshot.onNode(place.node);
    for (let i = 0; i < count; i++) if (isOwn[i] === 1) groups[i] = NODE;
  }
  if (snapshot.maxPriority > 0) {
    const priorities = snapshot.priorities();
    for (let i = 0; i < count; i++) if (groups[i] !== BEYOND) groups[i]! += priorities[i]! * DISTANCES;
  }
  return groups;
}

function distanceOfZone(
  snapshot: ClusterSnapshot,
  zoneId: number,
  { zone, region }: Place,
  distribution: TrafficDistribution,
): number {
  if (distribution === "none") return ANY;
  if (zone !== "" && snapshot.zoneName(zoneId) === zone) return ZONE;
  return region !== "" && snapshot.zoneRegion(zoneId) === region ? REGION : ANY;
}

function indexesOf(groupOf: Uint16Array, group: number, size: number): Int32Array {
  const indexes = new Int32Array(size);
  let found = 0;
  for (let i = 0; found < size; i++) if (groupOf[i] === group) indexes[found++] = i;
  return indexes;
}
