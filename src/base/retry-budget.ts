const WINDOW_MS = 10_000;

/**
 * How much of a service's traffic may be sent a second time, moves, retries and hedges together: a share of its requests plus
 * some a second, saved up for at most 10 s. Source: finagle's RetryBudget, whose defaults these are too.
 */
export class RetryBudget {
  #share: number;
  #minPerSecond: number;
  #tokens: number;
  #capacity: number;
  #atMs: number;

  /**
   * @param share tokens that each request adds, 0 to 1; default 0.2.
   * @param minPerSecond tokens that come anyway; default 10.
   */
  constructor(nowMs: number, share = 0.2, minPerSecond = 10) {
    this.#share = share;
    this.#minPerSecond = minPerSecond;
    this.#capacity = this.#floor;
    this.#tokens = this.#capacity;
    this.#atMs = nowMs;
  }

  /** What is saved up without any request. */
  get #floor(): number {
    return this.#minPerSecond * (WINDOW_MS / 1000);
  }

  /** Changes the rates; what is saved up stays, as far as the new ones allow it. */
  configure(nowMs: number, share: number, minPerSecond: number): void {
    if (share === this.#share && minPerSecond === this.#minPerSecond) return;
    this.#refill(nowMs);
    const excess = this.#capacity - this.#floor;
    this.#share = share;
    this.#minPerSecond = minPerSecond;
    this.#capacity = this.#floor + (share > 0 ? excess : 0);
    this.#tokens = Math.min(this.#tokens, this.#capacity);
  }

  /** Notes a request: each adds its share of a token. */
  deposit(): void {
    const tokens = this.#tokens + this.#share;
    this.#tokens = tokens;
    // What requests have added may be spent, but not saved beyond the window.
    if (tokens > this.#capacity) this.#capacity = tokens;
  }

  /** Takes a token for one move, retry or hedge. @returns false when the budget is used up. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Share of the budget in use, 0 to 1. */
  usedRatio(nowMs: number): number {
    this.#refill(nowMs);
    return this.#capacity === 0 ? 1 : 1 - this.#tokens / this.#capacity;
  }

  #refill(nowMs: number): void {
    const elapsed = nowMs - this.#atMs;
    if (elapsed <= 0) return;
    this.#atMs = nowMs;
    // The part above the floor fades with the window, so that a burst long ago buys nothing.
    const excess = (this.#capacity - this.#floor) * Math.exp(-elapsed / WINDOW_MS);
    this.#capacity = this.#floor + excess;
    this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsed / 1000) * this.#minPerSecond);
  }
}
