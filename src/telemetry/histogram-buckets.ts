/**
 * Upper bounds of the latency buckets, in seconds: 16 of the 40 that gRFC A66 defines, so that quantiles line up with
 * what clients export, at less than half of the series. +Inf comes after them.
 */
export const BUCKET_BOUNDS_SECONDS = [
  0.00005, 0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 20,
] as const;

/** Cells of a histogram in a counter row: the buckets (not cumulative), +Inf, then the sum in milliseconds. */
export const HISTOGRAM_COLUMNS = BUCKET_BOUNDS_SECONDS.length + 2;

/** Where the sum lies, counted from the histogram's first cell. */
export const HISTOGRAM_SUM = BUCKET_BOUNDS_SECONDS.length + 1;

const BOUNDS_MS = Float64Array.from(BUCKET_BOUNDS_SECONDS, (seconds) => seconds * 1000);

/**
 * Counts one duration. Hot path: no allocation, at most 5 comparisons.
 *
 * @param row the writer's own counter row.
 * @param base first cell of the histogram in it.
 * @param durationMs below 0 counts as 0: clocks of two moments may disagree by their resolution.
 */
export function observeMs(row: Float64Array, base: number, durationMs: number): void {
  let low = 0;
  let high = BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (durationMs <= BOUNDS_MS[middle]!) high = middle;
    else low = middle + 1;
  }
  row[base + low]!++;
  if (durationMs > 0) row[base + HISTOGRAM_SUM]! += durationMs;
}
