import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { wantsKeyHashes } from "../resource/key-hashes.ts";
import type { CandidateSet } from "./candidate-set.ts";

/**
 * The columns of a candidate set that only some policies need; absent where they do not.
 *
 * @param indexes the candidates' indexes in the snapshot, ascending.
 * @param ramps by endpoint slot: when it was new; 0: always there. Default: all were.
 * @param overMs who was new then or before is new no more, and counts as always there; 0 or more.
 */
export function candidateColumns(
  snapshot: ClusterSnapshot,
  indexes: ArrayLike<number>,
  ramps?: Float64Array | undefined,
  overMs = 0,
): Pick<CandidateSet, "rampFromMs" | "rampLastMs" | "keyHashes"> {
  const { policy, slowStart } = snapshot.settings.loadBalancing;
  const columns =
    slowStart === null || ramps === undefined
      ? undefined
      : rampColumns(snapshot.slots, indexes, ramps, overMs);
  if (snapshot.keyHashes === undefined || !wantsKeyHashes(policy)) return columns ?? {};
  return { ...columns, keyHashes: pairsOf(snapshot.keyHashes, indexes) };
}

/** @returns undefined where nobody is new. In one pass: of 10,000 endpoints each is a tenth of a millisecond in which no request is served. */
function rampColumns(
  slots: Int32Array,
  indexes: ArrayLike<number>,
  ramps: Float64Array,
  overMs: number,
): { readonly rampFromMs: Float64Array; readonly rampLastMs: number } | undefined {
  const { length } = indexes;
  let rampFromMs: Float64Array | undefined;
  let rampLastMs = 0;
  for (let i = 0; i < length; i++) {
    const fromMs = ramps[slots[indexes[i]!]!]!;
    if (fromMs <= overMs) continue;
    rampFromMs ??= new Float64Array(length);
    rampFromMs[i] = fromMs;
    if (fromMs > rampLastMs) rampLastMs = fromMs;
  }
  return rampFromMs && { rampFromMs, rampLastMs };
}

/** @returns the pairs of these indexes; where they follow each other as they lie, so never to be written to. */
function pairsOf(pairs: Uint32Array, indexes: ArrayLike<number>): Uint32Array {
  const { length } = indexes;
  const first = indexes[0] ?? 0;
  // Indexes are ascending.
  if (length === 0 || indexes[length - 1]! - first === length - 1)
    return pairs.subarray(2 * first, 2 * (first + length));
  const picked = new Uint32Array(length * 2);
  for (let i = 0; i < length; i++) {
    picked[2 * i] = pairs[2 * indexes[i]!]!;
    picked[2 * i + 1] = pairs[2 * indexes[i]! + 1]!;
  }
  return picked;
}
