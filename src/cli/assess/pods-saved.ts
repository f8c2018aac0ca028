/** What is left of skew with every request balanced: as measured, and with some to spare. */
const EVEN = { likely: 1.1, cautious: 1.25 } as const;
/** Below it there is nothing to gain. */
export const FINE_SKEW = 1.2;
const LEAST_PODS = 2;

/** How uneven loads are. */
export interface Skew {
  /** The busiest relative to the mean: 1 is even. */
  readonly maxOverMean: number;
  /** The one that a tenth are busier than, relative to the mean. */
  readonly p90OverMean: number;
  /** Standard deviation relative to the mean. */
  readonly variation: number;
}

/** @param loads of at least one Pod, in any unit. */
export function skewOf(loads: readonly number[]): Skew {
  const sorted = loads.toSorted((a, b) => a - b);
  const mean = sorted.reduce((sum, load) => sum + load, 0) / sorted.length;
  const variance = sorted.reduce((sum, load) => sum + (load - mean) ** 2, 0) / sorted.length;
  return {
    maxOverMean: sorted.at(-1)! / mean,
    p90OverMean: sorted[Math.ceil(sorted.length * 0.9) - 1]! / mean,
    variation: Math.sqrt(variance) / mean,
  };
}

/**
 * How many Pods a service could do without if its load were even and no Pod busier than the busiest is now: `n` Pods carry `n · mean`; `n'`
 * Pods whose busiest is `r` times the mean carry it with that one as busy as `s · mean` if `n' = n · r / s`.
 *
 * @returns from: r = 1.25, and s of the Pod that a tenth are busier than, because capacity is seldom made for a single Pod; to: r = 1.1 and s of the busiest. Two Pods are always left.
 */
export function podsSaved(
  pods: number,
  { maxOverMean, p90OverMean }: Skew,
): { readonly from: number; readonly to: number } {
  if (maxOverMean < FINE_SKEW) return { from: 0, to: 0 };
  const saved = (even: number, skew: number): number =>
    Math.max(0, pods - Math.max(LEAST_PODS, Math.ceil((pods * even) / skew)));
  return { from: saved(EVEN.cautious, p90OverMean), to: saved(EVEN.likely, maxOverMean) };
}
