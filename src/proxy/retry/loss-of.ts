import { GrpcStatus } from "../../grpc/status.ts";
import { grpcStatusOfReset } from "../../grpc/status-of-reset.ts";
import { ResetCause } from "../../h2/connection-sink.ts";
import { ErrorCode } from "../../h2/error-code.ts";
import { LossBit } from "./attempt-policy.ts";

const UNAVAILABLE = 1 << GrpcStatus.unavailable;

/**
 * What the end of an endpoint's stream is to a retry policy: the status its client would be told, and how it came about.
 *
 * @returns {@link LossBit}s.
 */
export function lossOf(errorCode: number, cause: ResetCause): number {
  switch (cause) {
    case ResetCause.unprocessed:
      return LossBit.refusedStream | UNAVAILABLE;
    case ResetCause.notSent:
      return LossBit.notSent | UNAVAILABLE;
    case ResetCause.connectionLost:
      return LossBit.reset | UNAVAILABLE;
    case ResetCause.peerError:
      return LossBit.reset | (1 << GrpcStatus.internal);
    case ResetCause.overBudget:
      return LossBit.noMemory;
    case ResetCause.peer:
      if (errorCode === ErrorCode.refusedStream) return LossBit.refusedStream | UNAVAILABLE;
      return LossBit.reset | (1 << grpcStatusOfReset(errorCode));
  }
}
