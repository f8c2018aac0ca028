/** Why a request was sent once more by its cluster's policy: it may have been processed before. */
export const PolicyReason = {
  /** The stream broke without an answer: a reset, or a lost connection. */
  reset: 0,
  cancelled: 1,
  deadlineExceeded: 2,
  internal: 3,
  resourceExhausted: 4,
  unavailable: 5,
  /** No response headers within the time of one attempt. */
  perTryTimeout: 6,
  /** Not failed: a second attempt beside one under way. */
  hedge: 7,
  /** Not processed, but moves are used up. */
  unprocessed: 8,
} as const;
export type PolicyReason = (typeof PolicyReason)[keyof typeof PolicyReason];

/** Label value by reason, after those of {@link RETRY_REASON_NAMES}. */
export const POLICY_REASON_NAMES = [
  "reset",
  "cancelled",
  "deadline_exceeded",
  "internal",
  "resource_exhausted",
  "unavailable",
  "per_try_timeout",
  "hedge",
  "unprocessed",
] as const;
