/** Why an endpoint of a snapshot is no candidate. */
export const LeftOut = {
  /** It is one. */
  not: 0,
  /** The request's route asks for others. */
  filtered: 1,
  /** Nearer places have endpoints, and `strict` forbids to go further. */
  further: 2,
  /** Other proxies of the fleet send to it. */
  notInSubset: 3,
  /** Discovery calls it unhealthy. */
  unhealthy: 4,
  /** It is leaving, and others are left. */
  draining: 5,
  /** It could not be connected to. */
  unreachable: 6,
  /** Outlier detection has ejected it. */
  ejected: 7,
  /** Active health checks call it sick. */
  failedHealthCheck: 8,
} as const;

/** One of {@link LeftOut}. */
export type LeftOut = (typeof LeftOut)[keyof typeof LeftOut];

/** The reason in words, by {@link LeftOut}. */
export const LEFT_OUT_NAMES = [
  "candidate",
  "not for this route",
  "in a place further away, and locality.strict is set",
  "not in this proxy's subset",
  "unhealthy, says discovery",
  "draining, says discovery",
  "set aside: it could not be connected to",
  "set aside: ejected by outlier detection",
  "set aside: its health checks fail",
] as const;
