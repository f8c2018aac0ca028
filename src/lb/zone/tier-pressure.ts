import type { TierEvidence } from "./tier-evidence.ts";

/** How long what was seen counts: long enough to average, short enough to follow. */
const FAST_MS = 1_500;
/** How long it counts as what is to be expected, where little is seen. */
const SLOW_MS = 30_000;
/** Most answers that the slow memory may count as. */
const PRIOR_ANSWERS = 8;
/** Those that wait are growing in number when they are this many times as many as answers take, and some more. */
const GROWING = 2;
const GROWING_BY = 3;
/** Utilization beyond is as bad as this. */
const MAX_UTILIZATION = 0.95;

/** What a proxy has seen of a tier lately, averaged over time: fast where it sees much, slowly where it sees little. */
export class TierPressure {
  /** Streams per endpoint, smoothed; -1 while not known. */
  streams = -1;
  /** Utilization, smoothed; -1 while not known. */
  utilization = -1;
  #fastAnswers = 0;
  #fastMs = 0;
  #slowAnswers = 0;
  #slowMs = 0;
  #waiting = 0;

  /** Takes what happened in the last `elapsedMs`. */
  observe({ answers, answerMs, waiting, streams, utilization }: TierEvidence, elapsedMs: number): void {
    const fast = Math.exp(-elapsedMs / FAST_MS);
    const slow = Math.exp(-elapsedMs / SLOW_MS);
    this.#fastAnswers = this.#fastAnswers * fast + answers;
    this.#fastMs = this.#fastMs * fast + answerMs;
    this.#slowAnswers = this.#slowAnswers * slow + answers;
    this.#slowMs = this.#slowMs * slow + answerMs;
    this.#waiting += (waiting - this.#waiting) * (1 - fast);
    this.streams = smooth(this.streams, streams, 1 - fast);
    this.utilization = smooth(this.utilization, utilization, 1 - fast);
  }

  /** Takes what another tier has seen as well, as if both were one. For a sum made anew each time. */
  add(other: TierPressure): void {
    this.#fastAnswers += other.#fastAnswers;
    this.#fastMs += other.#fastMs;
    this.#slowAnswers += other.#slowAnswers;
    this.#slowMs += other.#slowMs;
    this.#waiting += other.#waiting;
  }

  /** Answers of the last half minute or so. */
  get seen(): number {
    return this.#slowAnswers;
  }

  /** How many answers {@link latencyMs} stands on. */
  get answers(): number {
    return this.#fastAnswers + this.#prior;
  }

  /**
   * Mean time to an answer in ms; 0 while there was none. Where ever more wait than are answered, it is what those that wait will have
   * waited by Little's law: answers tell only how it was when they were asked for.
   *
   * @param expectedMs what to expect where little was seen lately; default: what was seen before.
   */
  latencyMs(expectedMs = this.usualMs): number {
    const prior = this.#prior;
    const answers = this.#fastAnswers + prior;
    if (answers < 1e-3) return 0;
    const meanMs = (this.#fastMs + prior * expectedMs) / answers;
    const perMs = Math.max(1, this.#fastAnswers) / FAST_MS;
    const growing = this.#waiting > GROWING * perMs * meanMs + GROWING_BY;
    return growing ? Math.max(meanMs, this.#waiting / perMs) : meanMs;
  }

  /** Mean time to an answer over the last half minute or so; 0 while there was none. */
  get usualMs(): number {
    return this.#slowAnswers < 1e-3 ? 0 : this.#slowMs / this.#slowAnswers;
  }

  get #prior(): number {
    return this.#slowAnswers < 1e-3 ? 0 : Math.min(PRIOR_ANSWERS, this.#slowAnswers);
  }

  /**
   * What a stream that comes finds before it, in units of one endpoint's work: 1 when nothing is in flight. Comparable between tiers, and
   * like latencies: differences that nobody waits for are small.
   */
  get streamPressure(): number {
    return this.streams < 0 ? -1 : 1 + this.streams;
  }

  /** The same, as far as utilization tells. */
  get utilizationPressure(): number {
    return this.utilization < 0 ? -1 : 1 / (1 - Math.min(this.utilization, MAX_UTILIZATION));
  }
}

function smooth(former: number, value: number, share: number): number {
  if (value < 0) return -1;
  return former < 0 ? value : former + (value - former) * share;
}
