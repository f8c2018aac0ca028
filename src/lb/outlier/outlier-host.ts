import { OutcomeWindow } from "./outcome-window.ts";
import type { OutcomeReader } from "./shared-outcomes.ts";

/** Where an endpoint stands with outlier detection. */
export type OutlierState = "in_use" | "ejected" | "trial";

/** What has come of an endpoint's attempts since it was last asked. */
export interface OutcomeDelta {
  readonly successes: number;
  readonly failures: number;
  readonly answers: number;
  readonly trips: number;
}

/** One endpoint of a cluster, as outlier detection knows it. */
export class OutlierHost {
  readonly slot: number;
  readonly generation: number;
  readonly window: OutcomeWindow;
  state: OutlierState = "in_use";
  /** How often it was ejected, less one for each interval in which it was not: what the next ejection's length is made of. */
  times = 0;
  /** When the state changes by itself: the ejection's end, or the next time {@link times} falls. */
  dueMs = 0;
  /** In a trial: requests that went well, when the last one was let through, and whether it was answered at all. */
  passed = 0;
  takenMs = 0;
  answered = false;
  #successes: number;
  #failures: number;
  #answers: number;
  #trips: number;

  constructor(slot: number, generation: number, outcomes: OutcomeReader, intervalMs: number, nowMs: number) {
    this.slot = slot;
    this.generation = generation;
    this.window = new OutcomeWindow(intervalMs, nowMs);
    this.#successes = outcomes.successes(slot);
    this.#failures = outcomes.failures(slot);
    this.#answers = outcomes.answers(slot);
    this.#trips = outcomes.trips(slot);
  }

  /** @returns what is new since the last call; each outcome once. */
  take(outcomes: OutcomeReader): OutcomeDelta {
    const { slot } = this;
    const before = { successes: this.#successes, failures: this.#failures };
    const beforeAnswers = this.#answers;
    const beforeTrips = this.#trips;
    this.#successes = outcomes.successes(slot);
    this.#failures = outcomes.failures(slot);
    this.#answers = outcomes.answers(slot);
    this.#trips = outcomes.trips(slot);
    return {
      successes: (this.#successes - before.successes) >>> 0,
      failures: (this.#failures - before.failures) >>> 0,
      answers: (this.#answers - beforeAnswers) >>> 0,
      trips: (this.#trips - beforeTrips) >>> 0,
    };
  }
}
