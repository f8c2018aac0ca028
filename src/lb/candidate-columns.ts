import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { wantsKeyHashes } from "../resource/key-hashes.ts";
import type { CandidateSet } from "./candidate-set.ts";

/**
 * The columns of a candidate set that only some policies need; absent where they do not.
 *
 * @param indexes the candidates' indexes in the snapshot, ascending.
 * @param ramps by endpoint slot: when it was new; 0: always there. Default: all were.
 */
export function candidateColumns(
  snapshot: ClusterSnapshot,
  indexes: ArrayLike<number>,
  ramps?: Float64Array | undefined,
): Pick<CandidateSet, "rampFromMs" | "keyHashes"> {
  const { policy, slowStart } = snapshot.settings.loadBalancing;
  const columns: { rampFromMs?: Float64Array; keyHashes?: Uint32Array } = {};
  if (slowStart !== null && ramps !== undefined) {
    const { slots } = snapshot;
    const { length } = indexes;
    for (let i = 0; i < length; i++) {
      const fromMs = ramps[slots[indexes[i]!]!]!;
      if (fromMs === 0) continue;
      columns.rampFromMs ??= new Float64Array(length);
      columns.rampFromMs[i] = fromMs;
    }
  }
  if (snapshot.keyHashes !== undefined && wantsKeyHashes(policy))
    columns.keyHashes = pairsOf(snapshot.keyHashes, indexes);
  return columns;
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
