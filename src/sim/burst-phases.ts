import type { Random } from "../base/random.ts";
import { drawExponential } from "./service-model.ts";

/** Bursts of a Markov-modulated Poisson process with two states. */
export interface Bursts {
  /** Rate during a burst, times the mean rate; at most 1 / `share`. */
  readonly factor: number;
  /** Share of the time that is burst, between 0 and 1. */
  readonly share: number;
  /** Mean length of a burst, in ms, exponential. */
  readonly meanMs: number;
  /** Whether each caller bursts on its own, or all at the same time. */
  readonly together: boolean;
}

/**
 * When bursts begin and end, drawn as time goes on. Rates are relative to the mean rate. Several callers may follow the same
 * phases, each at its own place.
 */
export class BurstPhases {
  /** Ends of the phases so far; even ones are quiet, odd ones are bursts. */
  readonly #ends: number[] = [];
  readonly #bursts: Bursts;
  readonly #quietRate: number;
  readonly #random: Random;

  constructor(bursts: Bursts, random: Random) {
    this.#bursts = bursts;
    this.#quietRate = (1 - bursts.share * bursts.factor) / (1 - bursts.share);
    this.#random = random;
    // Start in the middle of things: the first quiet phase has run for a while already, or is over.
    if (random.nextFloat() < bursts.share) this.#ends.push(0);
  }

  /**
   * @param fromMs where the caller is.
   * @param phase the caller's phase, as {@link phaseAfter} gave it, 0 at first.
   * @param work how much of the mean rate's time is to pass, in ms.
   * @returns the time when it has passed.
   */
  timeAfter(fromMs: number, phase: number, work: number): number {
    let at = fromMs;
    let left = work;
    for (let i = phase; ; i++) {
      const rate = i % 2 === 0 ? this.#quietRate : this.#bursts.factor;
      const endMs = this.#endOf(i);
      if (endMs <= at) continue;
      const room = (endMs - at) * rate;
      if (left <= room && rate > 0) return at + left / rate;
      left -= room;
      at = endMs;
    }
  }

  /** @returns the phase at a time not before that of `phase`. */
  phaseAfter(timeMs: number, phase: number): number {
    let i = phase;
    while (this.#endOf(i) <= timeMs) i++;
    return i;
  }

  #endOf(phase: number): number {
    while (this.#ends.length <= phase) {
      const { meanMs, share } = this.#bursts;
      const mean = this.#ends.length % 2 === 1 ? meanMs : (meanMs * (1 - share)) / share;
      this.#ends.push((this.#ends.at(-1) ?? 0) + mean * drawExponential(this.#random));
    }
    return this.#ends[phase]!;
  }
}
