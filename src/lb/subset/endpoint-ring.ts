import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { RingSlice } from "./fleet-slice.ts";
import { hashText } from "./hash-text.ts";

/** What lies in a slice to less than this part was put there by rounding. */
const SLIVER = 1e-6;

/** Hashes of a snapshot's endpoint keys: needed at every rebuild, of every tier. */
const hashesOf = new WeakMap<ClusterSnapshot, Uint32Array>();

/**
 * Endpoints around a ring of length 1, in the order of a hash of their keys, each as long as its weight. Whoever knows the same
 * endpoints has the same ring, and one endpoint more or less moves the others by its own length at most.
 */
export class EndpointRing {
  /** Indexes in the snapshot, in the order of the ring. */
  readonly #order: Int32Array;
  /** Where each ends, in that order. */
  readonly #ends: Float64Array;

  /** @param indexes of the endpoints in the snapshot, at least one. */
  constructor(snapshot: ClusterSnapshot, indexes: Int32Array) {
    const hashes = keyHashes(snapshot);
    this.#order = indexes.toSorted((a, b) => hashes[a]! - hashes[b]! || compareKeys(snapshot, a, b));
    const total = indexes.reduce((sum, index) => sum + snapshot.weightAt(index), 0);
    let sum = 0;
    this.#ends = Float64Array.from(this.#order, (index) => {
      sum += snapshot.weightAt(index);
      return sum / total;
    });
  }

  /** Calls `take` for each endpoint that lies in the slice, with the part of it that does: more than 0, at most 1. */
  cut({ start, length }: RingSlice, take: (index: number, part: number) => void): void {
    let begin = 0;
    for (let i = 0; i < this.#order.length; i++) {
      const end = this.#ends[i]!;
      // The slice may go past the end of the ring, to its beginning.
      const inside =
        overlap(begin, end, start, start + length) + overlap(begin, end, start - 1, start - 1 + length);
      const part = inside / (end - begin);
      if (part > SLIVER) take(this.#order[i]!, part > 1 - SLIVER ? 1 : part);
      begin = end;
    }
  }
}

function overlap(begin: number, end: number, from: number, to: number): number {
  return Math.max(0, Math.min(end, to) - Math.max(begin, from));
}

function compareKeys(snapshot: ClusterSnapshot, a: number, b: number): number {
  return snapshot.keyAt(a) < snapshot.keyAt(b) ? -1 : 1;
}

function keyHashes(snapshot: ClusterSnapshot): Uint32Array {
  let hashes = hashesOf.get(snapshot);
  if (hashes === undefined) {
    hashes = Uint32Array.from({ length: snapshot.count }, (_, index) => hashText(snapshot.keyAt(index)));
    hashesOf.set(snapshot, hashes);
  }
  return hashes;
}
