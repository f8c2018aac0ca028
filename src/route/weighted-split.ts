import { hashOctets, mixBits } from "../base/hash-octets.ts";
import type { Random } from "../base/random.ts";
import type { WeightedCluster } from "../resource/route.ts";

/**
 * Divides requests among clusters by weight: each request is drawn for itself, or all of one caller, by a hash of it, are on
 * one side.
 *
 * The sticky choice is weighted rendezvous hashing: of the scores -weight / ln(u), with u from the hash of caller and cluster, the
 * highest wins. Raising a weight raises that cluster's scores alone, so callers move to it and between no two others; and the
 * same caller stands at the same point of every split between the same clusters.
 *
 * Source: Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", 2005.
 */
export class WeightedSplit {
  /** Sums of the weights up to and with each side. */
  readonly #sums: Float64Array;
  readonly #weights: Float64Array;
  readonly #salts: Uint32Array;

  /** @param clusters at least one, not all with weight 0. */
  constructor(clusters: readonly WeightedCluster[]) {
    this.#weights = Float64Array.from(clusters, ({ weight }) => weight);
    this.#sums = new Float64Array(clusters.length);
    let sum = 0;
    for (let i = 0; i < clusters.length; i++) {
      sum += this.#weights[i]!;
      this.#sums[i] = sum;
    }
    this.#salts = Uint32Array.from(clusters, ({ name }) => {
      const octets = Buffer.from(name, "latin1");
      return hashOctets(octets, 0, octets.length);
    });
  }

  /** @returns the place of a cluster, one with weight. */
  draw(random: Random): number {
    const sums = this.#sums;
    const last = sums.length - 1;
    const at = random.nextFloat() * sums[last]!;
    let i = 0;
    while (i < last && at >= sums[i]!) i++;
    return i;
  }

  /** @param hash of what identifies the caller, unsigned 32 bits. @returns the place of the caller's cluster. */
  stick(hash: number): number {
    let best = 0;
    let bestScore = -1;
    for (let i = 0; i < this.#weights.length; i++) {
      const weight = this.#weights[i]!;
      if (weight === 0) continue;
      // From 0 to 1, both excluded: the logarithm of neither is of use.
      const u = (mixBits(hash ^ this.#salts[i]!) + 0.5) / 4_294_967_296;
      const score = -weight / Math.log(u);
      if (score > bestScore) {
        bestScore = score;
        best = i;
      }
    }
    return best;
  }
}
