const BUCKETS = 10;

/** Successes and failures of one endpoint within the last interval, which moves on by a tenth of it at a time. */
export class OutcomeWindow {
  successes = 0;
  failures = 0;
  readonly #bucketMs: number;
  /** Successes and failures of each tenth. */
  readonly #buckets = new Uint32Array(2 * BUCKETS);
  #bucket: number;

  constructor(intervalMs: number, nowMs: number) {
    this.#bucketMs = intervalMs / BUCKETS;
    this.#bucket = Math.floor(nowMs / this.#bucketMs);
  }

  /** Adds what has come since the last call. */
  add(successes: number, failures: number, nowMs: number): void {
    this.#moveTo(Math.floor(nowMs / this.#bucketMs));
    const cell = 2 * (this.#bucket % BUCKETS);
    this.#buckets[cell]! += successes;
    this.#buckets[cell + 1]! += failures;
    this.successes += successes;
    this.failures += failures;
  }

  /** Forgets everything. */
  clear(): void {
    this.#buckets.fill(0);
    this.successes = this.failures = 0;
  }

  #moveTo(bucket: number): void {
    const steps = Math.min(bucket - this.#bucket, BUCKETS);
    for (let step = 1; step <= steps; step++) {
      const cell = 2 * ((this.#bucket + step) % BUCKETS);
      this.successes -= this.#buckets[cell]!;
      this.failures -= this.#buckets[cell + 1]!;
      this.#buckets[cell] = this.#buckets[cell + 1] = 0;
    }
    if (bucket > this.#bucket) this.#bucket = bucket;
  }
}
