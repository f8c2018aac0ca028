/** Chance as the core sees it: passed in, so that a seed replays a run. */
export interface Random {
  /** @returns a whole number from 0 to `bound - 1`; `bound` is 1 to 2^31. */
  nextInt(bound: number): number;
  /** @returns a number from 0 (included) to 1 (excluded). */
  nextFloat(): number;
}

/**
 * A seeded generator (xorshift32 after a splitmix step): fast, and good enough to balance load, not for secrets.
 *
 * Source: Marsaglia, "Xorshift RNGs", 2003.
 *
 * @param seed any 32-bit number; equal seeds give equal sequences.
 */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    let mixed = (seed + 0x9e3779b9) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    this.#state = (mixed ^ (mixed >>> 15)) | 1;
  }

  nextInt(bound: number): number {
    return Math.floor(this.nextFloat() * bound);
  }

  nextFloat(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) / 4_294_967_296;
  }
}
