/**
 * Upper bounds of the buckets that durations of attempts are counted in by endpoint, in ms; what is longer is in a last one. 16 counts of 4 octets:
 * one line of the processor's cache.
 */
export const ENDPOINT_LATENCY_BOUNDS_MS = [
  0.5, 1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 200, 500, 1_000, 5_000,
] as const;

/** Buckets, the last of which has no bound. */
export const ENDPOINT_LATENCY_BUCKETS = 16;

const BOUNDS = Float64Array.from(ENDPOINT_LATENCY_BOUNDS_MS);
/** Before the counts: whether anybody wants them. A cache line. */
const HEADER_CELLS = 16;

/**
 * How long attempts took, by worker row and endpoint slot, in shared memory that is touched where an endpoint is used. Nothing is counted until somebody
 * wants it: {@link want}. A worker writes its own row only; the row after the workers' is the reader's, and says what it has taken.
 */
export class EndpointLatencies {
  /** The memory, to be handed to other threads. */
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Uint32Array;
  readonly #rowCells: number;
  readonly #workerCount: number;

  /** @param slots endpoint slots there can be. @param buffer the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, slots: number, buffer?: SharedArrayBuffer) {
    this.#workerCount = workerCount;
    this.#rowCells = slots * ENDPOINT_LATENCY_BUCKETS;
    this.buffer = buffer ?? new SharedArrayBuffer((HEADER_CELLS + (workerCount + 1) * this.#rowCells) * 4);
    this.#cells = new Uint32Array(this.buffer);
  }

  /** Workers count from now on. */
  want(): void {
    this.#cells[0] = 1;
  }

  /** Counts the end of an attempt. Hot path: one read where nobody wants it, else at most 4 comparisons and one write. */
  observe(worker: number, slot: number, durationMs: number): void {
    if (this.#cells[0] === 0) return;
    let low = 0;
    let high = BOUNDS.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (durationMs <= BOUNDS[middle]!) high = middle;
      else low = middle + 1;
    }
    this.#cells[HEADER_CELLS + worker * this.#rowCells + slot * ENDPOINT_LATENCY_BUCKETS + low]!++;
  }

  /**
   * Takes what has been counted of a slot since it was last taken. The reader's thread alone.
   *
   * @returns counts by bucket; undefined where there is nothing.
   */
  take(slot: number): Uint32Array | undefined {
    if (this.#cells[0] === 0) return undefined;
    const at = HEADER_CELLS + slot * ENDPOINT_LATENCY_BUCKETS;
    const taken = at + this.#workerCount * this.#rowCells;
    let counts: Uint32Array | undefined;
    for (let bucket = 0; bucket < ENDPOINT_LATENCY_BUCKETS; bucket++) {
      let sum = 0;
      for (let row = at; row < taken; row += this.#rowCells) sum += this.#cells[row + bucket]!;
      const since = (sum - this.#cells[taken + bucket]!) >>> 0;
      if (since === 0) continue;
      this.#cells[taken + bucket] = sum;
      counts ??= new Uint32Array(ENDPOINT_LATENCY_BUCKETS);
      counts[bucket] = since;
    }
    return counts;
  }

  /** Forgets the former owner of a slot. */
  clear(slot: number): void {
    if (this.#cells[0] === 0) return;
    for (let row = 0; row <= this.#workerCount; row++) {
      const at = HEADER_CELLS + row * this.#rowCells + slot * ENDPOINT_LATENCY_BUCKETS;
      this.#cells.fill(0, at, at + ENDPOINT_LATENCY_BUCKETS);
    }
  }
}

/**
 * @param counts by bucket; need not be whole numbers.
 * @param share 0 to 1, such as 0.99.
 * @returns the duration in ms below which that share of the attempts stayed, taken to be even within a bucket; null where there are none.
 */
export function endpointLatencyQuantile(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  if (total <= 0) return null;
  let rest = total * share;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (rest > count) {
      rest -= count;
      continue;
    }
    const low = i === 0 ? 0 : BOUNDS[i - 1]!;
    // Of what is longer than the last bound nothing more is known.
    const high = BOUNDS[i] ?? low;
    return count === 0 ? low : low + (high - low) * (rest / count);
  }
  return BOUNDS.at(-1)!;
}
