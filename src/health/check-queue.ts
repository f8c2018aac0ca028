/** Lets a bounded number of checks go on at once; the others wait in the order in which they came. */
export class CheckQueue {
  readonly #limit: number;
  readonly #waiting = new Set<() => Promise<void>>();
  #running = 0;

  /** @param limit checks at once, at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs a check when its turn comes; it must not reject. */
  run(check: () => Promise<void>): void {
    this.#waiting.add(check);
    this.#next();
  }

  /** Takes a check out that may still be waiting. */
  leave(check: () => Promise<void>): void {
    this.#waiting.delete(check);
  }

  #next(): void {
    for (const check of this.#waiting) {
      if (this.#running >= this.#limit) return;
      this.#waiting.delete(check);
      this.#running++;
      void check().then(() => {
        this.#running--;
        this.#next();
      });
    }
  }
}
