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

/** Names of the reasons, in the order of their bits. */
export const SET_ASIDE_REASONS = ["connect", "outlier", "health_check"] as const;

/** @returns the names of the reasons, none for an endpoint that is in use. */
export function setAsideReasons(reasons: SetAside): readonly (typeof SET_ASIDE_REASONS)[number][] {
  return SET_ASIDE_REASONS.filter((_, bit) => (reasons & (1 << bit)) !== 0);
}
