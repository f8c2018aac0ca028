import type { Random } from "../base/random.ts";
import type { BurstPhases } from "./burst-phases.ts";
import { drawExponential } from "./service-model.ts";

/** When the requests of one caller arrive: a Poisson process, whose rate follows phases if it has any. */
export class ArrivalProcess {
  #meanGapMs: number;
  readonly #phases: BurstPhases | undefined;
  readonly #random: Random;
  #phase = 0;

  /** @param ratePerMs greater than 0. */
  constructor(ratePerMs: number, phases: BurstPhases | undefined, random: Random) {
    this.#meanGapMs = 1 / ratePerMs;
    this.#phases = phases;
    this.#random = random;
  }

  /** @returns when the next request arrives, after the one at `nowMs`. */
  nextAfter(nowMs: number): number {
    const work = this.#meanGapMs * drawExponential(this.#random);
    if (this.#phases === undefined) return nowMs + work;
    const timeMs = this.#phases.timeAfter(nowMs, this.#phase, work);
    this.#phase = this.#phases.phaseAfter(timeMs, this.#phase);
    return timeMs;
  }

  /** From the next request but one on. */
  setRate(ratePerMs: number): void {
    this.#meanGapMs = 1 / ratePerMs;
  }
}
