import type { Random } from "../base/random.ts";

/**
 * Draws an index with a chance proportional to its weight, in constant time and with one random number.
 *
 * Source: Vose, "A Linear Algorithm for Generating Random Numbers with a Given Distribution", 1991.
 */
export class AliasTable {
  readonly #stay: Float64Array;
  readonly #alias: Int32Array;

  /** @param weights greater than 0, at least one. */
  constructor(weights: Float64Array) {
    const count = weights.length;
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / count;
    // Each column starts with its own weight; what it lacks to the mean is filled from one heavier column.
    const stay = Float64Array.from(weights, (weight) => weight / mean);
    const alias = Int32Array.from(weights, (_, i) => i);
    const light: number[] = [];
    const heavy: number[] = [];
    stay.forEach((share, i) => {
      (share < 1 ? light : heavy).push(i);
    });
    while (light.length > 0 && heavy.length > 0) {
      const poor = light.pop()!;
      const rich = heavy[heavy.length - 1]!;
      alias[poor] = rich;
      stay[rich]! -= 1 - stay[poor]!;
      if (stay[rich]! < 1) light.push(heavy.pop()!);
    }
    // What is left has exactly the mean but for rounding.
    for (const i of light) stay[i] = 1;
    for (const i of heavy) stay[i] = 1;
    this.#stay = stay;
    this.#alias = alias;
  }

  draw(random: Random): number {
    const point = random.nextFloat() * this.#stay.length;
    const column = Math.floor(point);
    return point - column < this.#stay[column]! ? column : this.#alias[column]!;
  }
}
