/** What a request may be retried on, in Envoy's words. */
export const RETRY_ON = [
  "connect-failure",
  "refused-stream",
  "reset",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;

/** One of {@link RETRY_ON}. */
export type RetryOn = (typeof RETRY_ON)[number];

/** Further attempts at requests that failed. Streams that certainly were not processed are moved whatever this says. */
export interface RetryPolicy {
  /** Attempts in all, the first included; 1 retries nothing. */
  readonly attempts: number;
  /** Longest time of one attempt until response headers, in ms; 0 for none. */
  readonly perTryTimeoutMs: number;
  readonly retryOn: readonly RetryOn[];
  /** Wait before the n-th retry: a random share of min(max, base × 2^(n-1)). */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
}

/** Attempts sent before an answer has come, for methods declared idempotent. */
export interface HedgingPolicy {
  /** `/package.Service/Method`, or `/package.Service/*`. */
  readonly methods: readonly string[];
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** Wait between two of them, in ms. */
  readonly delayMs: number;
}

/** Share of requests that moves, retries and hedges may add, and how many a second they may always. Source: Finagle. */
export interface RetryBudgetSettings {
  readonly share: number;
  readonly minPerSecond: number;
}

/** What applies where a cluster's source says nothing. */
export const RETRY_DEFAULTS = {
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  budget: { share: 0.2, minPerSecond: 10 },
} as const;
