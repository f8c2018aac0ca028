/** How evenly calls were spread over backends. */
export interface Spread {
  /** The busiest backend's calls divided by the mean: 1 is perfect. NaN without calls. */
  readonly maxOverMean: number;
  /** Coefficient of variation: standard deviation of the population divided by the mean; 0 is perfect. */
  readonly cv: number;
}

/** Measures how evenly `counts`, the calls of each backend, are spread. */
export function spreadOf(counts: readonly number[]): Spread {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
  return { maxOverMean: Math.max(...counts) / mean, cv: Math.sqrt(variance) / mean };
}
