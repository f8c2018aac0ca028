const SUB_BUCKETS = 32;
const BUCKETS = SUB_BUCKETS * 24;

/**
 * Counts latencies in buckets at most 1/32 wide of their value, from one microsecond to over a minute, so that two
 * processes can add up theirs and percentiles stay honest to 3 %.
 */
export class LatencyHistogram {
  /** Values recorded. */
  count = 0;

  readonly #counts = new Uint32Array(BUCKETS);

  /** Counts one latency. */
  record(ms: number): void {
    this.addBucket(bucketOf(ms * 1000), 1);
  }

  /** Adds `count` values to a bucket that {@link takeBuckets} of another histogram named. */
  addBucket(bucket: number, count: number): void {
    const index = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    this.#counts[index] = this.#counts[index]! + count;
    this.count += count;
  }

  /** Takes everything out as pairs of bucket and count, one after the other, and leaves the histogram empty. */
  takeBuckets(): number[] {
    const pairs: number[] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) pairs.push(bucket, count);
    });
    this.#counts.fill(0);
    this.count = 0;
    return pairs;
  }

  /**
   * @param share 0.5 for the median, 0.99 for the 99th percentile.
   * @returns milliseconds, the middle of the bucket that holds that value; NaN when nothing was recorded.
   */
  percentileMs(share: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    let bucket = 0;
    for (; bucket < BUCKETS - 1; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) break;
    }
    return (lowerBound(bucket) + lowerBound(bucket + 1)) / 2000;
  }
}

// The first 32 buckets are one microsecond wide each; after that, every power of two is cut into 32.
function bucketOf(us: number): number {
  const whole = Math.max(0, Math.floor(us));
  if (whole < SUB_BUCKETS) return whole;
  const exponent = Math.floor(Math.log2(whole)) - 5;
  return (exponent + 1) * SUB_BUCKETS + Math.floor(whole / 2 ** exponent) - SUB_BUCKETS;
}

function lowerBound(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const exponent = Math.floor(bucket / SUB_BUCKETS) - 1;
  return ((bucket % SUB_BUCKETS) + SUB_BUCKETS) * 2 ** exponent;
}
