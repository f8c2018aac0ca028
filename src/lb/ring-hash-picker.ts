import { mixBits } from "../base/hash-octets.ts";
import type { HashSettings } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { HashTable } from "./hash-picker.ts";
import { HashPicker } from "./hash-picker.ts";
import { SHARE_STEPS } from "./share-steps.ts";
import { sortInShares } from "./sort-in-shares.ts";

/** Candidates at most, a power of two: a point and its owner are sorted as one number below 2^53. */
const OWNERS = 2 ** 16;
const POINTS = 2 ** 32;

/**
 * `ring_hash`: every endpoint has points on a ring of 2^32, as many as its weight says; a hash belongs to the endpoint of the next
 * point. An endpoint that comes or goes moves only what is next to its own points: 1 / n of the hashes.
 *
 * Source: Karger et al., "Consistent Hashing and Random Trees", 1997; bounds of the size as in Envoy's RING_HASH and gRFC A42.
 */
export class RingHashPicker extends HashPicker {
  readonly #minRingSize: number;
  readonly #maxRingSize: number;

  constructor(
    candidates: CandidateSet,
    settings: Pick<HashSettings, "minRingSize" | "maxRingSize" | "balanceFactor">,
  ) {
    super(candidates, settings.balanceFactor);
    this.#minRingSize = settings.minRingSize;
    this.#maxRingSize = settings.maxRingSize;
  }

  protected override *build(): Generator<void, HashTable> {
    const { weights, count, keyHashes } = this.candidates;
    if (keyHashes === undefined) throw new Error("ring_hash: the candidates have no key hashes");
    const perWeight = this.#pointsPerWeight(weights);
    let size = 0;
    for (let index = 0; index < count; index++) size += pointsOf(weights[index]!, perWeight);
    yield;
    const points = new Float64Array(size);
    let made = 0;
    for (let index = 0; index < count; index++) {
      for (let point = pointsOf(weights[index]!, perWeight) - 1; point >= 0; point--) {
        const spread = mixBits(keyHashes[2 * index + 1]! + Math.imul(point, 0x9e3779b9));
        points[made++] = mixBits(keyHashes[2 * index]! ^ spread) * OWNERS + index;
        if (made % SHARE_STEPS === 0) yield;
      }
    }
    const sorted = yield* sortInShares(points, POINTS * OWNERS);
    const owners = new Uint16Array(size);
    const places = new Uint32Array(size);
    for (let i = 0; i < size; i++) {
      places[i] = Math.floor(sorted[i]! / OWNERS);
      owners[i] = sorted[i]! - places[i]! * OWNERS;
      if (i % SHARE_STEPS === SHARE_STEPS - 1) yield;
    }
    return new Ring(owners, places);
  }

  /**
   * As many that the ring is large enough and the lightest has one, but no more than the ring may have: a power of two, so that an
   * endpoint that comes or goes nearly never changes how many points the others have.
   */
  #pointsPerWeight(weights: Float64Array): number {
    let total = 0;
    for (let i = 0; i < weights.length; i++) total += weights[i]!;
    let lightest = total;
    for (let i = 0; i < weights.length; i++) if (weights[i]! < lightest) lightest = weights[i]!;
    const wanted = Math.max(this.#minRingSize / total, 1 / lightest);
    const perWeight = 2 ** Math.ceil(Math.log2(wanted));
    const most = 2 ** Math.floor(Math.log2(this.#maxRingSize / total));
    return Math.min(perWeight, most);
  }
}

function pointsOf(weight: number, perWeight: number): number {
  return Math.max(1, Math.round(weight * perWeight));
}

class Ring implements HashTable {
  readonly owners: Uint16Array;
  readonly #points: Uint32Array;

  /** @param points ascending; the owner of each is at its place in `owners`. */
  constructor(owners: Uint16Array, points: Uint32Array) {
    this.owners = owners;
    this.#points = points;
  }

  placeOf(hash: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}
