import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { TIER_NAMES } from "./candidate-set.ts";
import { countingFromZero } from "./counting-from-zero.ts";
import type { EndpointStates } from "./endpoint-states.ts";
import { LeftOut } from "./left-out.ts";
import { partsOf } from "./parts-of.ts";
import type { TierGroup } from "./zone/tier-groups.ts";

/** What a tier's candidates are taken from. */
export interface TierSource {
  readonly snapshot: ClusterSnapshot;
  /** The proxy's own zone, "" for none. */
  readonly zone: string;
  readonly group: TierGroup;
  /** Health is ignored. */
  readonly panic: boolean;
  readonly states: EndpointStates;
  /** See BuildTiersOptions. */
  readonly columns: ((indexes: Int32Array) => Partial<CandidateSet>) | undefined;
}

/** Where less than this part of a group is left out, what lies between is copied in one go each. */
const FEW = 1 / 16;

/**
 * The candidates of a tier: those of its group that are in one of some states. Where they lie together the snapshot's columns are used as
 * they are: no request is served meanwhile.
 *
 * @param wanted bits by LeftOut.
 * @param count of the endpoints that these states apply to; of the slice, where there is one.
 * @param parts of an endpoint's weight by index, 0 for not at all; default: all of each.
 */
export function tierCandidates(
  source: TierSource,
  wanted: number,
  count: number,
  parts?: Float32Array | undefined,
): CandidateSet {
  const { snapshot, group, panic, columns } = source;
  const { priority, distance } = group;
  const ranges = parts === undefined ? usedRanges(source, wanted, count) : undefined;
  const { indexes, slots, weights } =
    ranges === undefined
      ? selected(source, wanted, count, parts)
      : {
          indexes:
            count === group.indexes.length
              ? group.indexes
              : partsOf(countingFromZero(snapshot.count), ranges),
          slots: partsOf(snapshot.slots, ranges),
          weights: partsOf(snapshot.weights, ranges),
        };
  const equalWeights = (parts === undefined && snapshot.hasEqualWeights) || areEqual(weights);
  const localCount = localCountOf(source, indexes);
  const tier = TIER_NAMES[distance]!;
  return {
    tier,
    priority,
    panic,
    count,
    indexes,
    slots,
    weights,
    equalWeights,
    localCount,
    ...(parts === undefined ? undefined : { capacities: capacitiesOf(snapshot, indexes) }),
    ...columns?.(indexes),
  };
}

/** @returns the ranges of indexes that the candidates are; undefined where these are too many to be worth it, or not known. */
function usedRanges({ group, states }: TierSource, wanted: number, count: number): number[] | undefined {
  const { ranges, indexes } = group;
  const leftOut = indexes.length - count;
  if (ranges === undefined || leftOut > indexes.length * FEW) return undefined;
  if (leftOut === 0) return [...ranges];
  // States that are left out and those that are not 0 are not the same: then endpoints are looked at one by one.
  if (wanted !== 1 << LeftOut.not) return undefined;
  const used: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const to = ranges[i + 1]!;
    for (let from = ranges[i]!; from < to; ) {
      const end = states.next(from, to);
      if (end > from) used.push(from, end);
      from = end + 1;
    }
  }
  return used;
}

function capacitiesOf({ weights }: ClusterSnapshot, indexes: Int32Array): Float64Array {
  const capacities = new Float64Array(indexes.length);
  for (let i = 0; i < indexes.length; i++) capacities[i] = weights[indexes[i]!]!;
  return capacities;
}

function areEqual(weights: Float64Array): boolean {
  const [first] = weights;
  for (let i = 1; i < weights.length; i++) if (weights[i] !== first) return false;
  return true;
}

/** @returns how many of the candidates are in the proxy's own zone. */
function localCountOf({ snapshot, zone }: TierSource, indexes: Int32Array): number {
  if (zone === "") return 0;
  const isLocal = Uint8Array.from({ length: snapshot.zoneCount }, (_, zoneId) =>
    snapshot.zoneName(zoneId) === zone ? 1 : 0,
  );
  if (snapshot.hasZonesInTurn) return localCountOfRanges(snapshot, isLocal, indexes);
  const zoneIds = snapshot.zoneIds();
  let localCount = 0;
  for (let i = 0; i < indexes.length; i++) localCount += isLocal[zoneIds[indexes[i]!]!]!;
  return localCount;
}

function localCountOfRanges(snapshot: ClusterSnapshot, isLocal: Uint8Array, indexes: Int32Array): number {
  let localCount = 0;
  let from = 0;
  for (let zoneId = 0; zoneId < isLocal.length; zoneId++) {
    const to = from + snapshot.zoneSize(zoneId);
    if (isLocal[zoneId] === 1) localCount += firstNotBelow(indexes, to) - firstNotBelow(indexes, from);
    from = to;
  }
  return localCount;
}

/** @returns the place in ascending numbers of the first that is `least` or more. */
function firstNotBelow(ascending: Int32Array, least: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function selected(
  { snapshot, group, states }: TierSource,
  wanted: number,
  count: number,
  parts: Float32Array | undefined,
): Pick<CandidateSet, "indexes" | "slots" | "weights"> {
  // Loops: of 10,000 endpoints each "from" with a function is a quarter of a millisecond in which no request is served.
  const from = group.indexes;
  const reasons = states.octets;
  const allWeights = snapshot.weights;
  const allSlots = snapshot.slots;
  const indexes = new Int32Array(count);
  const slots = new Int32Array(count);
  const weights = new Float64Array(count);
  let n = 0;
  for (let i = 0; i < from.length && n < count; i++) {
    const index = from[i]!;
    if ((wanted & (1 << reasons[index]!)) === 0) continue;
    let weight = allWeights[index]!;
    if (parts !== undefined) {
      const part = parts[index]!;
      if (part === 0) continue;
      weight *= part;
    }
    indexes[n] = index;
    slots[n] = allSlots[index]!;
    weights[n] = weight;
    n++;
  }
  return { indexes, slots, weights };
}
