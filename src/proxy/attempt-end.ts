import type { ProxyContext } from "./proxy-context.ts";

/** What one attempt at an endpoint says about that endpoint. */
export const AttemptOutcome = {
  /** It answered. */
  success: 0,
  /** It failed, and the endpoint is to blame: the connection broke, it reset the stream, or its status says so. */
  fault: 1,
  /** It refused for load: RESOURCE_EXHAUSTED, REFUSED_STREAM, a pushback. Load, not death. */
  load: 2,
  /** It says nothing about the endpoint: the client went away, or nothing was sent. */
  neutral: 3,
} as const;

/** One of {@link AttemptOutcome}. */
export type AttemptOutcome = (typeof AttemptOutcome)[keyof typeof AttemptOutcome];

/**
 * Notes the end of an attempt, once for each stream at an endpoint: everything that learns from answers does so here.
 *
 * @param slot the client's stream; its `openedMs` is when the attempt began.
 * @param endpoint the endpoint's slot.
 */
export function attemptEnded(
  context: ProxyContext,
  _slot: number,
  endpoint: number,
  outcome: AttemptOutcome,
): void {
  if (outcome === AttemptOutcome.fault) context.endpoints.errors[context.endpointRow + endpoint]!++;
}

/** @returns what a gRPC status in an answer says about the endpoint; -1 stands for none. */
export function outcomeOfStatus(grpcStatus: number): AttemptOutcome {
  switch (grpcStatus) {
    case RESOURCE_EXHAUSTED:
      return AttemptOutcome.load;
    case UNKNOWN:
    case INTERNAL:
    case UNAVAILABLE:
    case DATA_LOSS:
      return AttemptOutcome.fault;
    default:
      return AttemptOutcome.success;
  }
}

const UNKNOWN = 2;
const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const DATA_LOSS = 15;
