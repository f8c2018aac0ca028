/** Quantiles of Student's t for 95 %, two-sided, by degrees of freedom from 1. */
const T_95 = [
  12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** A mean over seeds, and half the width of its 95 % interval. */
export interface Interval {
  readonly mean: number;
  /** NaN for a single value. */
  readonly half: number;
}

/** @returns where the mean of what these values are drawn from lies in 95 of 100 cases. Source: Student, 1908. */
export function intervalOf(values: readonly number[]): Interval {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, half: Number.NaN };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const t = T_95[Math.min(count - 1, T_95.length) - 1]!;
  return { mean, half: t * Math.sqrt(squares / (count - 1) / count) };
}
