import { GrpcStatus } from "../../grpc/status.ts";

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
    case GrpcStatus.resourceExhausted:
      return AttemptOutcome.load;
    case GrpcStatus.cancelled:
      return AttemptOutcome.neutral;
    case GrpcStatus.deadlineExceeded:
      return AttemptOutcome.late;
    case GrpcStatus.unavailable:
      return AttemptOutcome.fault;
    case GrpcStatus.unknown:
    case GrpcStatus.internal:
    case GrpcStatus.dataLoss:
      return AttemptOutcome.error;
    default:
      return AttemptOutcome.success;
  }
}
