import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { TIER_NAMES } from "./candidate-set.ts";
import { countingFromZero } from "./counting-from-zero.ts";
import type { TierGroup } from "./zone/tier-groups.ts";

/** What a tier's candidates are taken from. */
export interface TierSource {
  readonly snapshot: ClusterSnapshot;
  /** The proxy's own zone, "" for none. */
  readonly zone: string;
  readonly group: TierGroup;
  /** Health is ignored. */
  readonly panic: boolean;
  /** LeftOut by index in the snapshot. */
  readonly reasons: Uint8Array;
  /** See BuildTiersOptions. */
  readonly columns: ((indexes: Int32Array) => Partial<CandidateSet>) | undefined;
}

/**
 * The candidates of a tier: those of its group that are in one of some states. Where that is the whole snapshot its columns are used as they lie.
 *
 * @param states bits by LeftOut.
 * @param count of the endpoints that these states apply to; of the slice, where there is one.
 * @param parts of an endpoint's weight by index, 0 for not at all; default: all of each.
 */
export function tierCandidates(
  source: TierSource,
  states: number,
  count: number,
  parts?: ReadonlyMap<number, number> | undefined,
): CandidateSet {
  const { snapshot, group, panic, columns } = source;
  const { priority, distance } = group;
  const whole = count === snapshot.count && count > 0 && parts === undefined;
  const taken = whole ? wholeSnapshot(source) : selected(source, states, count, parts);
  return { tier: TIER_NAMES[distance]!, priority, panic, count, ...taken, ...columns?.(taken.indexes) };
}

type Taken = Pick<CandidateSet, "indexes" | "slots" | "weights" | "equalWeights" | "localCount">;

function wholeSnapshot({ snapshot, zone }: TierSource): Taken {
  let localCount = 0;
  for (let zoneId = 0; zoneId < snapshot.zoneCount; zoneId++)
    if (zone !== "" && snapshot.zoneName(zoneId) === zone) localCount += snapshot.zoneSize(zoneId);
  return {
    indexes: countingFromZero(snapshot.count),
    slots: snapshot.slots,
    weights: snapshot.weights,
    equalWeights: snapshot.hasEqualWeights,
    localCount,
  };
}

function selected(
  { snapshot, zone, group, reasons }: TierSource,
  states: number,
  count: number,
  parts: ReadonlyMap<number, number> | undefined,
): Taken {
  // Loops: of 10,000 endpoints each "from" with a function is a quarter of a millisecond in which no request is served.
  const from = group.indexes;
  const allWeights = snapshot.weights;
  const allSlots = snapshot.slots;
  const zoneIds = snapshot.zoneIds();
  const isLocal = Uint8Array.from({ length: snapshot.zoneCount }, (_, zoneId) =>
    zone !== "" && snapshot.zoneName(zoneId) === zone ? 1 : 0,
  );
  const indexes = count === from.length ? from : new Int32Array(count);
  const slots = new Int32Array(count);
  const weights = new Float64Array(count);
  let localCount = 0;
  let equalWeights = true;
  let n = 0;
  for (let i = 0; i < from.length && n < count; i++) {
    const index = from[i]!;
    if ((states & (1 << reasons[index]!)) === 0) continue;
    let weight = allWeights[index]!;
    if (parts !== undefined) {
      const part = parts.get(index);
      if (part === undefined) continue;
      weight *= part;
    }
    // The same where it is the whole group.
    indexes[n] = index;
    slots[n] = allSlots[index]!;
    weights[n] = weight;
    if (weight !== weights[0]) equalWeights = false;
    localCount += isLocal[zoneIds[index]!]!;
    n++;
  }
  return { indexes, slots, weights, equalWeights, localCount };
}
