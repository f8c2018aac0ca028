import { setImmediate } from "node:timers/promises";
import type { Clock } from "../base/clock.ts";

/** How long a scrape may hold the main thread's event loop at a time, in ms. */
export const SLICE_MS = 5;

/**
 * Keeps a scrape of any size from holding up what else the main thread does (discovery, /ready): work calls
 * {@link pause} at every opportunity, and after each {@link SLICE_MS} of it the event loop gets a turn.
 */
export class ScrapePace {
  readonly #clock: Clock;
  #sliceStartMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sliceStartMs = clock.nowMs();
  }

  async pause(): Promise<void> {
    if (this.#clock.nowMs() - this.#sliceStartMs < SLICE_MS) return;
    await setImmediate();
    this.#sliceStartMs = this.#clock.nowMs();
  }
}
