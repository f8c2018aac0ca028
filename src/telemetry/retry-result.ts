/** What became of requests that were to be sent once more by policy. */
export const RetryResult = {
  /** Answered with OK after a retry or hedge. */
  succeeded: 0,
  /** Sent once more, and failed all the same. */
  failed: 1,
  /** Not sent once more, for want of: attempts left, budget, a held copy, the endpoint's leave (pushback), time. */
  exhausted: 2,
  overBudget: 3,
  notHeld: 4,
  pushback: 5,
  noTime: 6,
  /** The answer was that of a hedge. Counted besides. */
  hedgeWon: 7,
} as const;
export type RetryResult = (typeof RetryResult)[keyof typeof RetryResult];

/** Label value by result. */
export const RETRY_RESULT_NAMES = [
  "succeeded",
  "failed",
  "exhausted",
  "over_budget",
  "not_held",
  "pushback",
  "no_time",
  "hedge_won",
] as const;
