import { ErrorCode } from "../h2/error-code.ts";
import { GrpcStatus } from "./status.ts";

/**
 * The gRPC status that a stream reset with an HTTP/2 error code stands for.
 *
 * Source: gRPC over HTTP/2, "HTTP2 Transport Mapping, Errors".
 */
export function grpcStatusOfReset(errorCode: number): GrpcStatus {
  switch (errorCode) {
    case ErrorCode.refusedStream:
      return GrpcStatus.unavailable;
    case ErrorCode.cancel:
      return GrpcStatus.cancelled;
    case ErrorCode.enhanceYourCalm:
      return GrpcStatus.resourceExhausted;
    case ErrorCode.inadequateSecurity:
      return GrpcStatus.permissionDenied;
    default:
      return GrpcStatus.internal;
  }
}
