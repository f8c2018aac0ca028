/** Steps in the logarithm: up nine times as far as down, so that one in ten lies above. */
const UP = Math.exp(0.09);
const DOWN = Math.exp(-0.01);
/** Answers before anything is said. */
const ENOUGH = 20;
const LEAST_MS = 0.05;

/**
 * The time within which nine of ten attempts at a cluster are answered, as a running estimate that costs a multiplication:
 * whoever misses a deadline that is longer is late for a reason of its own. Streams that live for hours only ever push it one
 * step.
 */
export class AnswerTime {
  #ms = 0;
  #count = 0;

  /** An attempt was answered well after `ms`. */
  observe(ms: number): void {
    const time = Math.max(ms, LEAST_MS);
    if (this.#count < ENOUGH) this.#count++;
    if (this.#ms === 0) this.#ms = time;
    else this.#ms = Math.max(this.#ms * (time > this.#ms ? UP : DOWN), LEAST_MS);
  }

  /** @returns whether an endpoint that has not answered within `ms` is slower than the others; false while little is known. */
  isLate(ms: number): boolean {
    return this.#count >= ENOUGH && ms >= this.#ms;
  }
}
