/** Why an endpoint gets nothing new although discovery calls it healthy, as bits: any of them is enough. */
export const SetAside = {
  /** It could not be connected to; cleared when that is tried again. */
  connect: 1,
  /** Outlier detection has ejected it. */
  outlier: 2,
  /** Active health checks call it sick. */
  healthCheck: 4,
} as const;

/** One of {@link SetAside}, or several together. */
export type SetAside = number;
