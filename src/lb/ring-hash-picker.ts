import { mixBits } from "../base/hash-octets.ts";
import type { HashSettings } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { HashTable } from "./hash-picker.ts";
import { HashPicker } from "./hash-picker.ts";

/** Candidates at most, a power of two: a point and its owner are sorted as one number below 2^53. */
const OWNERS = 2 ** 16;

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

  protected override build(): HashTable {
    const { weights, count, keyHashes } = this.candidates;
    if (keyHashes === undefined) throw new Error("ring_hash: the candidates have no key hashes");
    const perWeight = this.#pointsPerWeight(weights);
    const points = Int32Array.from(weights, (weight) => Math.max(1, Math.round(weight * perWeight)));
    const sorted = new Float64Array(points.reduce((sum, number) => sum + number, 0));
    let made = 0;
    for (let index = 0; index < count; index++) {
      for (let point = 0; point < points[index]!; point++) {
        const spread = mixBits(keyHashes[2 * index + 1]! + Math.imul(point, 0x9e3779b9));
        sorted[made++] = mixBits(keyHashes[2 * index]! ^ spread) * OWNERS + index;
      }
    }
    return new Ring(sorted.sort());
  }

  /**
   * As many that the ring is large enough and the lightest has one, but no more than the ring may have: a power of two, so that an
   * endpoint that comes or goes nearly never changes how many points the others have.
   */
  #pointsPerWeight(weights: Float64Array): number {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const lightest = weights.reduce((least, weight) => Math.min(least, weight), total);
    const wanted = Math.max(this.#minRingSize / total, 1 / lightest);
    const perWeight = 2 ** Math.ceil(Math.log2(wanted));
    const most = 2 ** Math.floor(Math.log2(this.#maxRingSize / total));
    return Math.min(perWeight, most);
  }
}

class Ring implements HashTable {
  readonly owners: Uint16Array;
  readonly #points: Uint32Array;

  /** @param sorted points times OWNERS plus the owner, ascending. */
  constructor(sorted: Float64Array) {
    this.owners = Uint16Array.from(sorted, (point) => point % OWNERS);
    this.#points = Uint32Array.from(sorted, (point) => Math.floor(point / OWNERS));
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
