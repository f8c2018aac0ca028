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
    let sum = 0;
    for (let i = 0; i < count; i++) sum += weights[i]!;
    const mean = sum / count;
    // Each column starts with its own weight; what it lacks to the mean is filled from one heavier column.
    const stay = new Float64Array(count);
    const alias = new Int32Array(count);
    // Two stacks in one array: the light ones from its beginning, the heavy ones from its end.
    const stacks = new Int32Array(count);
    let lights = 0;
    let heavies = count;
    for (let i = 0; i < count; i++) {
      const share = weights[i]! / mean;
      stay[i] = share;
      alias[i] = i;
      if (share < 1) stacks[lights++] = i;
      else stacks[--heavies] = i;
    }
    while (lights > 0 && heavies < count) {
      const poor = stacks[--lights]!;
      const rich = stacks[heavies]!;
      alias[poor] = rich;
      stay[rich]! -= 1 - stay[poor]!;
      if (stay[rich]! >= 1) continue;
      heavies++;
      stacks[lights++] = rich;
    }
    // What is left has exactly the mean but for rounding.
    for (let i = 0; i < lights; i++) stay[stacks[i]!] = 1;
    for (let i = heavies; i < count; i++) stay[stacks[i]!] = 1;
    this.#stay = stay;
    this.#alias = alias;
  }

  draw(random: Random): number {
    const point = random.nextFloat() * this.#stay.length;
    const column = Math.floor(point);
    return point - column < this.#stay[column]! ? column : this.#alias[column]!;
  }
}
