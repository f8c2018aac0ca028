/** Why an upstream connection ended. Source: gRFC A94's `grpc.disconnect_error`. */
export const DisconnectReason = {
  goawayNoError: 0,
  goawayError: 1,
  /** We closed it: drained, idle, or its endpoint is gone. */
  subchannelShutdown: 2,
  connectionReset: 3,
  connectionTimedOut: 4,
  connectionAborted: 5,
  socketError: 6,
  unknown: 7,
} as const;
export type DisconnectReason = (typeof DisconnectReason)[keyof typeof DisconnectReason];

/** Label value by reason; A94's words, all GOAWAY codes but NO_ERROR taken together to bound the series. */
export const DISCONNECT_REASON_NAMES = [
  "GOAWAY NO_ERROR",
  "GOAWAY",
  "subchannel shutdown",
  "connection reset",
  "connection timed out",
  "connection aborted",
  "socket error",
  "unknown",
] as const;
