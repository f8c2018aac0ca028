import { mixBits } from "../base/hash-octets.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { CandidateSet } from "./candidate-set.ts";

/**
 * The columns of a candidate set that only some policies need; absent where they do not.
 *
 * @param indexes the candidates' indexes in the snapshot, in the order of the set.
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
  if (policy === "ring_hash" || policy === "maglev" || policy.startsWith("module:")) {
    columns.keyHashes = new Uint32Array(indexes.length * 2);
    for (let i = 0; i < indexes.length; i++) {
      const key = snapshot.keyAt(indexes[i]!);
      columns.keyHashes[2 * i] = hashText(key, 0);
      columns.keyHashes[2 * i + 1] = hashText(key, 0x51ed270b);
    }
  }
  return columns;
}

/** FNV-1a over the UTF-16 code units, its bits mixed: keys are told apart by two of these. */
function hashText(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixBits(hash);
}
