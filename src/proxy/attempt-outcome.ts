import { ExchangeBit } from "./exchange-table.ts";

/** What one attempt at an endpoint says about that endpoint. */
export const AttemptOutcome = {
  /** It answered. */
  success: 0,
  /** It failed, and the endpoint is to blame: it reset the stream, broke the protocol, or says that it cannot serve. */
  fault: 1,
  /** It refused for load: RESOURCE_EXHAUSTED, REFUSED_STREAM, a pushback. Load, not death. */
  load: 2,
  /** It says nothing about the endpoint: the client went away, or nothing was sent. */
  neutral: 3,
  /** Its time was up. The endpoint is to blame if nothing of the answer has come, and others answer sooner. */
  late: 4,
  /** The connection broke: a fault, but one, however many streams it had. */
  lost: 5,
  /** It answered with an error of which the request may be the cause as well: only what others answer tells. */
  error: 6,
} as const;

/** One of {@link AttemptOutcome}. */
export type AttemptOutcome = (typeof AttemptOutcome)[keyof typeof AttemptOutcome];

/**
 * What programs make of an exception (UNKNOWN in most languages, INTERNAL by middleware) is no fault for certain: the same request
 * may fail everywhere.
 *
 * @returns what a gRPC status in an answer says about the endpoint; -1 stands for none.
 */
export function outcomeOfStatus(grpcStatus: number): AttemptOutcome {
  switch (grpcStatus) {
    case RESOURCE_EXHAUSTED:
      return AttemptOutcome.load;
    case CANCELLED:
      return AttemptOutcome.neutral;
    case DEADLINE_EXCEEDED:
      return AttemptOutcome.late;
    case UNAVAILABLE:
      return AttemptOutcome.fault;
    case UNKNOWN:
    case INTERNAL:
    case DATA_LOSS:
      return AttemptOutcome.error;
    default:
      return AttemptOutcome.success;
  }
}

const CANCELLED = 1;
const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const DATA_LOSS = 15;

/** The one 5xx that says something of the request alone. */
const NOT_IMPLEMENTED = 501;
const BAD_GATEWAY = 502;
const GATEWAY_TIMEOUT = 504;

/** @returns what an answer's HTTP status from 500 on is remembered as: bits of {@link ExchangeBit}. */
export function httpErrorBits(status: number): number {
  if (status === NOT_IMPLEMENTED) return 0;
  return status >= BAD_GATEWAY && status <= GATEWAY_TIMEOUT
    ? ExchangeBit.serverError | ExchangeBit.gatewayError
    : ExchangeBit.serverError;
}

/**
 * What an answer without a gRPC status says about the endpoint, where that is no success: of 500 and the like the request may be the
 * cause, as of UNKNOWN, which is what gRPC makes of it.
 *
 * @param bits of the exchange.
 */
export function outcomeOfHttp(bits: number): AttemptOutcome {
  const mayBeRequests = (bits & ExchangeBit.serverError) !== 0 && (bits & ExchangeBit.gatewayError) === 0;
  return mayBeRequests ? AttemptOutcome.error : AttemptOutcome.fault;
}
