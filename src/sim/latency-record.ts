/** Buckets are 0.5 % wide, from 10 microseconds to about 3 hours. */
const LEAST_MS = 0.01;
const GROWTH = Math.log(1.005);

/** How many buckets a record has. */
export const LATENCY_BUCKETS = 4160;

/**
 * Latencies, counted in buckets 0.5 % wide, so that those of many windows and seeds are added up and percentiles stay exact
 * to half a percent.
 */
export class LatencyRecord {
  readonly counts: Uint32Array;

  /** @param counts one number per bucket, {@link LATENCY_BUCKETS} of them; by default none is counted yet. */
  constructor(counts: Uint32Array = new Uint32Array(LATENCY_BUCKETS)) {
    this.counts = counts;
  }

  /** How many latencies were counted. */
  get count(): number {
    let sum = 0;
    for (const count of this.counts) sum += count;
    return sum;
  }

  add(ms: number): void {
    const bucket = ms <= LEAST_MS ? 0 : Math.floor(Math.log(ms / LEAST_MS) / GROWTH) + 1;
    this.counts[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1]!++;
  }

  /** Adds what another record has counted. */
  merge(other: LatencyRecord): void {
    for (let i = 0; i < LATENCY_BUCKETS; i++) this.counts[i]! += other.counts[i]!;
  }

  /**
   * @param share 0.5 for the median.
   * @returns ms, the middle of the bucket; NaN when nothing was counted.
   */
  percentile(share: number): number {
    const { count } = this;
    if (count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(share * count));
    let seen = 0;
    let bucket = 0;
    for (; bucket < LATENCY_BUCKETS - 1; bucket++) {
      seen += this.counts[bucket]!;
      if (seen >= rank) break;
    }
    return bucket === 0 ? LEAST_MS : LEAST_MS * Math.exp((bucket - 0.5) * GROWTH);
  }
}
