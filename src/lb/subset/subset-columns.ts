import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { Fleet } from "../../resource/fleet.ts";
import type { Place } from "../place.ts";
import type { TierGroup } from "../zone/tier-groups.ts";
import type { AssignmentCache } from "./assignment-cache.ts";
import { FleetAssignment } from "./fleet-assignment.ts";
import type { FleetMembers } from "./fleet-members.ts";
import { fleetMembers } from "./fleet-members.ts";
import { hashText } from "./hash-text.ts";
import { pairScores } from "./pair-scores.ts";

/** What one proxy of a fleet uses of a cluster, by index in the snapshot. */
export interface SubsetColumns {
  /** Factor on the endpoint's weight; 0 where it is not used. The mean of those that are used is 1. */
  readonly parts: Float32Array;
  /** The higher, the sooner it is used when these are not enough. */
  readonly scores: Float64Array;
  /** By number of the tier's group the indexes that are used, ascending; empty where a group is not cut. */
  readonly used: readonly Int32Array[];
}

/** A proxy with so many times the traffic that would make it use everything can do so evenly. */
const FAR_MORE = 4;

/** Hashes of a snapshot's endpoint keys: needed for every tier. */
const hashesOf = new WeakMap<ClusterSnapshot, Uint32Array>();

/**
 * @returns how many of a tier's endpoints this proxy is to use, about: as many as give it `minEndpoints` and the fleet `coverage` times all endpoints, times its share of the
 *   traffic relative to an even one; undefined when all are used.
 */
export function subsetSize(
  snapshot: ClusterSnapshot,
  { distance, indexes }: TierGroup,
  place: Place,
  fleet: Fleet | undefined,
): number | undefined {
  const { subset } = snapshot.settings.loadBalancing;
  // Endpoints of the node itself have no other proxy to share them with.
  if (!subset.enabled || fleet === undefined || distance === 0) return undefined;
  const isZonal = hasZones(snapshot, place);
  const proxies = isZonal ? fleet.zoneCount : fleet.nodeCount;
  if (proxies === undefined || proxies < 2 || (isZonal && fleet.zoneIndex === undefined)) return undefined;
  const even = Math.max(subset.minEndpoints, (subset.coverage * indexes.length) / proxies);
  if (even >= indexes.length) return undefined;
  const size = Math.max(subset.minEndpoints, even * relativeTraffic(fleet));
  return size >= FAR_MORE * indexes.length ? undefined : size;
}

/**
 * Makes what {@link subsetParts} cuts tiers by: takes about 5 ns for each pair of a proxy and an endpoint, so that it is done where no request waits, if
 * these are many.
 *
 * @param groups tiers of the snapshot.
 */
export function subsetColumns(
  snapshot: ClusterSnapshot,
  groups: readonly TierGroup[],
  place: Place,
  fleet: Fleet,
  cache?: AssignmentCache | undefined,
): SubsetColumns | undefined {
  let columns: SubsetColumns | undefined;
  const isZonal = hasZones(snapshot, place);
  const used: Int32Array[] = groups.map(() => new Int32Array(0));
  for (const [number, group] of groups.entries()) {
    const size = subsetSize(snapshot, group, place, fleet);
    if (size === undefined) continue;
    columns ??= { ...emptyColumns(snapshot.count), used };
    fill(columns, snapshot, group, { members: fleetMembers(fleet, isZonal)!, size, fleet }, (make) =>
      cache === undefined ? make() : cache.find(isZonal ? place.zone : "", group.indexes, make),
    );
    const { parts } = columns;
    used[number] = group.indexes.filter((index) => parts[index]! > 0);
  }
  return columns;
}

interface Slice {
  readonly members: FleetMembers;
  readonly size: number;
  readonly fleet: Fleet;
}

function fill(
  { parts, scores }: Pick<SubsetColumns, "parts" | "scores">,
  snapshot: ClusterSnapshot,
  { indexes }: TierGroup,
  { members, size, fleet }: Slice,
  find: (make: () => FleetAssignment) => FleetAssignment,
): void {
  const { subset } = snapshot.settings.loadBalancing;
  const keys = keyHashes(snapshot);
  const endpoints = Uint32Array.from(indexes, (index) => keys[index]!);
  const weights = Float64Array.from(indexes, (index) => snapshot.weightAt(index));
  const own = new Float64Array(indexes.length);
  pairScores(members.hashes[members.own]!, endpoints, weights, own);
  indexes.forEach((index, i) => {
    scores[index] = own[i]!;
  });
  const options = { ...subset, members: members.hashes, endpoints, weights };
  const assignment = find(() => new FleetAssignment(options));
  const shares = new Float64Array(indexes.length);
  assignment.each(members.own, (endpoint, part) => {
    shares[endpoint] = part;
  });
  const traffic = relativeTraffic(fleet);
  if (traffic > 1) addMore(shares, weights, own, size, traffic - 1);
  else if (traffic < 1) keepBest(shares, own, subset.minEndpoints, traffic);
  let given = 0;
  let used = 0;
  for (let i = 0; i < shares.length; i++) {
    given += shares[i]!;
    if (shares[i]! > 0) used += weights[i]!;
  }
  indexes.forEach((index, i) => {
    parts[index] = ((shares[i]! / weights[i]!) * used) / given;
  });
}

/** What a proxy has beyond an even share of the traffic goes to its best endpoints, to as many as it is worth, by their weight. */
function addMore(
  shares: Float64Array,
  weights: Float64Array,
  scores: Float64Array,
  size: number,
  more: number,
): void {
  const least = scoreOf(scores, size);
  let sum = 0;
  for (let i = 0; i < shares.length; i++) if (scores[i]! >= least) sum += weights[i]!;
  for (let i = 0; i < shares.length; i++) if (scores[i]! >= least) shares[i]! += (more * weights[i]!) / sum;
}

/** A proxy of little traffic does without some. @param traffic relative to an even share, less than 1. */
function keepBest(shares: Float64Array, scores: Float64Array, minEndpoints: number, traffic: number): void {
  const used = scores.filter((_, i) => shares[i]! > 0);
  const least = scoreOf(used, Math.max(minEndpoints, used.length * traffic));
  for (let i = 0; i < shares.length; i++) if (scores[i]! < least) shares[i] = 0;
}

/** @returns what the best so many scores are not below. */
export function scoreOf(scores: Float64Array, count: number): number {
  if (count >= scores.length) return Number.NEGATIVE_INFINITY;
  return scores.toSorted()[scores.length - Math.ceil(count)]!;
}

function relativeTraffic({ trafficShare, nodeCount }: Fleet): number {
  return (trafficShare ?? 1 / nodeCount) * nodeCount;
}

function hasZones(snapshot: ClusterSnapshot, { zone }: Place): boolean {
  return snapshot.settings.loadBalancing.locality.distribution !== "none" && zone !== "";
}

function emptyColumns(count: number): Pick<SubsetColumns, "parts" | "scores"> {
  const scores = new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
  return { parts: new Float32Array(new SharedArrayBuffer(count * Float32Array.BYTES_PER_ELEMENT)), scores };
}

function keyHashes(snapshot: ClusterSnapshot): Uint32Array {
  let hashes = hashesOf.get(snapshot);
  if (hashes === undefined) {
    hashes = Uint32Array.from({ length: snapshot.count }, (_, index) => hashText(snapshot.keyAt(index)));
    hashesOf.set(snapshot, hashes);
  }
  return hashes;
}
