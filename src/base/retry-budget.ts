const WINDOW_MS = 10_000;
const REQUEST_SHARE = 0.2;
const FLOOR_PER_SECOND = 10;
const CAPACITY_FLOOR = FLOOR_PER_SECOND * (WINDOW_MS / 1000);

/**
 * How much of a service's traffic may be sent a second time, moves and retries together: 20 % of its requests plus 10 a
 * second, saved up for at most 10 s. Source: finagle's RetryBudget.
 */
export class RetryBudget {
  #tokens = CAPACITY_FLOOR;
  #capacity = CAPACITY_FLOOR;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** Notes a request: each adds a fifth of a token. */
  deposit(): void {
    const tokens = this.#tokens + REQUEST_SHARE;
    this.#tokens = tokens;
    // What requests have added may be spent, but not saved beyond the window.
    if (tokens > this.#capacity) this.#capacity = tokens;
  }

  /** Takes a token for one move or retry. @returns false when the budget is used up. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Share of the budget in use, 0 to 1. */
  usedRatio(nowMs: number): number {
    this.#refill(nowMs);
    return 1 - this.#tokens / this.#capacity;
  }

  #refill(nowMs: number): void {
    const elapsed = nowMs - this.#atMs;
    if (elapsed <= 0) return;
    this.#atMs = nowMs;
    // The part above the floor fades with the window, so that a burst long ago buys nothing.
    const excess = (this.#capacity - CAPACITY_FLOOR) * Math.exp(-elapsed / WINDOW_MS);
    this.#capacity = CAPACITY_FLOOR + excess;
    this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsed / 1000) * FLOOR_PER_SECOND);
  }
}
