/** What is sent further while something is to be learned of the tiers there. */
const PROBE_SHARE = 0.04;
/** Answers from there that make a comparison. */
const ENOUGH_ANSWERS = 8;
/** Answers from here before it is worth comparing anything. */
const LEAST_NEAR_ANSWERS = 20;
/** A rise of the time to an answer here since the last comparison that asks for another one. */
const RISE = 1.2;
/** How long a comparison is good for otherwise. */
const VALID_MS = 60_000;
/** Longest time that probing goes on, and how long it rests then if it was not enough. */
const MAX_PROBING_MS = 10_000;

/**
 * Decides when a tier that keeps all its load sends a little of it further, to learn how long answers take there: when nothing is
 * known yet, when answers take longer here than at the last comparison, and once a minute. In between nothing leaves.
 */
export class ProbePlan {
  /** As of the last comparison: when, and how long answers took here. */
  #comparedMs = Number.NEGATIVE_INFINITY;
  #nearMs = 0;
  #probingSinceMs = -1;
  #restUntilMs = 0;

  /**
   * @param nearMs mean time to an answer here, made of `nearAnswers`.
   * @param thereAnswers what is known of the tiers further away.
   * @returns the share of the load to send there, 0 for none.
   */
  share(nowMs: number, nearMs: number, nearAnswers: number, thereAnswers: number): number {
    const isStale = nowMs - this.#comparedMs > VALID_MS;
    const hasRisen = nearMs > this.#nearMs * RISE;
    if (this.#probingSinceMs < 0) {
      if ((!isStale && !hasRisen) || nearAnswers < LEAST_NEAR_ANSWERS || nowMs < this.#restUntilMs) return 0;
      this.#probingSinceMs = nowMs;
    }
    const isEnough = thereAnswers >= ENOUGH_ANSWERS && nowMs > this.#probingSinceMs;
    if (isEnough && !(hasRisen && nowMs - this.#probingSinceMs < MAX_PROBING_MS / 4))
      this.#compared(nowMs, nearMs);
    else if (nowMs - this.#probingSinceMs > MAX_PROBING_MS) {
      this.#probingSinceMs = -1;
      this.#restUntilMs = nowMs + VALID_MS;
    }
    return PROBE_SHARE;
  }

  #compared(nowMs: number, nearMs: number): void {
    this.#comparedMs = nowMs;
    this.#nearMs = nearMs;
    this.#probingSinceMs = -1;
  }
}
