/** Which limit in number kept a request from an endpoint. */
export const CircuitLimit = {
  /** Streams in flight in the whole service. */
  maxRequests: 0,
  /** Streams in flight at an endpoint; further ones look elsewhere or wait. */
  maxRequestsPerEndpoint: 1,
  /** Streams that wait for capacity. */
  maxPendingStreams: 2,
} as const;
export type CircuitLimit = (typeof CircuitLimit)[keyof typeof CircuitLimit];

/** Label value by limit. */
export const CIRCUIT_LIMIT_NAMES = [
  "max_requests",
  "max_requests_per_endpoint",
  "max_pending_streams",
] as const;
