/** Over how long the number of those that wait is averaged: at one moment it is chance. */
const SMOOTH_MS = 150;
/** How soon it is believed that a tier bears more than before. */
const LEARN_MS = 2_000;
/** How soon it is forgotten what a tier once bore: a burst like the last one is no news a minute later. */
const FORGET_MS = 60_000;
/** Attempts per endpoint that a tier is trusted with at first, and for all its endpoints at least. */
const TRUSTED = 1;
const LEAST_TRUSTED = 2;
/** What may be chance: so many times as many as were borne, and so many more. */
const MARGIN = 1.25;
const MARGIN_BY = 1;
/** Beyond the limit by this part of it everything goes further, but for the last few percent. */
const RANGE = 0.5;
const MOST = 0.95;
/** Change of the share that is worth another set of shares. */
const LEAST_CHANGE = 0.01;
/** Longest time between two looks that teaches anything. */
const MAX_LEARNT_MS = 250;

/**
 * Sees within tenths of a second that a tier is given more than it has been seen to bear, and how much of it has to go further at once: long
 * before answers tell, because those that are late have not come yet. What counts are the attempts that wait for an answer. More requests and slower
 * endpoints both raise their number, and it takes as few requests as they make to see it.
 *
 * What a tier bears is learnt: what waits while answers take no longer here than there, or nothing answers there. So a rise that it can take leaves it for a second or two only,
 * and bursts that keep coming do not leave it at all. Of a tier of which nothing is known one attempt per endpoint is borne.
 */
export class TierOverflow {
  /** Of what arrives at the tier, the part that is to go further, 0 to 0.95. */
  share = 0;
  /**
   * How fast what waits is taken for what is borne: 1 where answers here take no longer than further away, as far as is known; 0 where they
   * take too long. To be kept up by the owner.
   */
  pace = 1;
  /** Attempts waiting per endpoint: those it has been seen to bear, and those it is trusted with until then. */
  #borne = 0;
  #trusted = -1;
  #waiting = 0;
  #lookedMs = 0;
  #givenShare = 0;

  /**
   * Takes how many attempts wait for an answer. To be called every few ms while requests come.
   *
   * @param endpoints of the tier.
   * @returns whether {@link share} has changed by something.
   */
  look(nowMs: number, waiting: number, endpoints: number): boolean {
    if (endpoints === 0) return false;
    const elapsedMs = Math.max(0, nowMs - this.#lookedMs);
    this.#lookedMs = nowMs;
    if (this.#trusted < 0) this.#trusted = Math.max(TRUSTED, LEAST_TRUSTED / endpoints);
    this.#waiting += (waiting - this.#waiting) * part(elapsedMs, SMOOTH_MS);
    this.#learn(Math.min(elapsedMs, MAX_LEARNT_MS), endpoints);
    const limit = Math.max(this.#borne, this.#trusted) * endpoints * MARGIN + MARGIN_BY;
    this.share = Math.min(MOST, Math.max(0, (this.#waiting - limit) / (limit * RANGE)));
    const isChanged =
      Math.abs(this.share - this.#givenShare) >= LEAST_CHANGE || (this.share === 0 && this.#givenShare > 0);
    if (isChanged) this.#givenShare = this.share;
    return isChanged;
  }

  #learn(elapsedMs: number, endpoints: number): void {
    this.#trusted -= this.#trusted * part(elapsedMs, LEARN_MS);
    const waiting = this.#waiting / endpoints;
    if (waiting < this.#borne) this.#borne += (waiting - this.#borne) * part(elapsedMs, FORGET_MS);
    else this.#borne += (waiting - this.#borne) * part(elapsedMs * this.pace, LEARN_MS);
  }
}

/** How much of a change shows after some time, by a time constant; as 1 - exp(-t / T) for small ones. */
function part(elapsedMs: number, constantMs: number): number {
  return elapsedMs / (constantMs + elapsedMs);
}
