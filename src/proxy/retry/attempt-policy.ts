import { GrpcStatus } from "../../grpc/status.ts";
import type { ClusterSettings } from "../../resource/cluster-settings.ts";
import type { RetryOn, RetryPolicy } from "../../resource/retry-policy.ts";
import { HedgedMethods } from "./hedged-methods.ts";

/**
 * What went wrong with an attempt, as bits: those up to 16 are 1 << gRPC status, whoever told it; the others say how. A policy's
 * {@link AttemptPolicy.on} has a bit for each thing that is tried again.
 */
export const LossBit = {
  connectFailure: 1 << 17,
  refusedStream: 1 << 18,
  /** The stream broke without an answer: a reset, or a lost connection. */
  reset: 1 << 19,
  perTryTimeout: 1 << 20,
  /** Nothing of the request left this process. */
  notSent: 1 << 21,
  /** The octet budget had no room for it. */
  noMemory: 1 << 22,
} as const;

const BIT: Readonly<Record<RetryOn, number>> = {
  "connect-failure": LossBit.connectFailure | LossBit.notSent,
  "refused-stream": LossBit.refusedStream,
  reset: LossBit.reset,
  cancelled: 1 << GrpcStatus.cancelled,
  "deadline-exceeded": 1 << GrpcStatus.deadlineExceeded,
  internal: 1 << GrpcStatus.internal,
  "resource-exhausted": 1 << GrpcStatus.resourceExhausted,
  unavailable: 1 << GrpcStatus.unavailable,
};

/** What hedging goes on after, where the cluster has no `retries` of its own to say it. */
const HEDGE_DEFAULT: readonly RetryOn[] = ["connect-failure", "refused-stream", "reset", "unavailable"];

/** The settings an {@link AttemptPolicy} is made of: a cluster's, or a route's. */
export type AttemptSettings = Pick<ClusterSettings, "retries" | "hedging" | "timeouts">;

/** What a request may have done to it beyond one plain attempt, as numbers: made once per snapshot or route. */
export class AttemptPolicy {
  /** Retries at most: attempts beyond the first. */
  readonly maxRetries: number;
  /** {@link LossBit}s and statuses that are tried again. */
  readonly on: number;
  /** Longest time of one attempt from the request's end to response headers, in ms; 0 for none. */
  readonly perTryTimeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Methods that may run twice; undefined where none may. */
  readonly hedged: HedgedMethods | undefined;
  /** Hedges at most: attempts beyond the first. */
  readonly maxHedges: number;
  readonly hedgeDelayMs: number;
  /** Longest time of a whole request, and longest silence of its stream, in ms; 0 for none. */
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Whether attempts are watched at all; else there are only limits in time of the whole request. */
  readonly supervises: boolean;

  private constructor({ retries, hedging, timeouts }: AttemptSettings) {
    this.maxRetries = (retries?.attempts ?? 1) - 1;
    this.on = bitsOf(retries?.retryOn ?? HEDGE_DEFAULT) | (this.maxRetries > 0 ? LossBit.perTryTimeout : 0);
    this.perTryTimeoutMs = retries?.perTryTimeoutMs ?? 0;
    this.backoffBaseMs = retries?.backoffBaseMs ?? 0;
    this.backoffMaxMs = retries?.backoffMaxMs ?? 0;
    this.hedged = hedging === null ? undefined : new HedgedMethods(hedging.methods);
    this.maxHedges = (hedging?.attempts ?? 1) - 1;
    this.hedgeDelayMs = hedging?.delayMs ?? 0;
    this.requestTimeoutMs = timeouts.requestMs;
    this.idleTimeoutMs = timeouts.idleMs;
    this.supervises = this.maxRetries > 0 || this.perTryTimeoutMs > 0 || this.hedged !== undefined;
  }

  /** @returns undefined when these settings ask for nothing: such requests cost nothing. */
  static of(settings: AttemptSettings): AttemptPolicy | undefined {
    const policy = new AttemptPolicy(settings);
    const { supervises, requestTimeoutMs, idleTimeoutMs } = policy;
    return supervises || requestTimeoutMs > 0 || idleTimeoutMs > 0 ? policy : undefined;
  }

  /**
   * The wait before a retry. Source: gRFC A6, "Exponential Backoff": a random share of base × 2^(n-1), capped.
   *
   * @param retried retries so far.
   * @param draw 0 to 1.
   */
  backoffMs(retried: number, draw: number): number {
    return draw * Math.min(this.backoffMaxMs, this.backoffBaseMs * 2 ** retried);
  }
}

function bitsOf(words: RetryPolicy["retryOn"]): number {
  return words.reduce((bits, word) => bits | BIT[word], 0);
}
