import { randomFillSync } from "node:crypto";
import type { Random } from "../base/random.ts";

/** Numbers that are fetched from the system at once. */
const WORDS = 1_024;

/**
 * Chance from the operating system: for what must not occur twice in the world, such as ids of traces. A seeded generator of 32 bits has 2^32 of them at
 * most, and a fleet begins so many traces that some would be equal.
 */
export class SystemRandom implements Random {
  readonly #words = new Uint32Array(WORDS);
  #next = WORDS;

  nextInt(bound: number): number {
    return Math.floor(this.nextFloat() * bound);
  }

  nextFloat(): number {
    if (this.#next === WORDS) {
      randomFillSync(this.#words);
      this.#next = 0;
    }
    return this.#words[this.#next++]! / 2 ** 32;
  }
}
