/** Why a stream was sent to another endpoint. All of these mean "certainly not processed" by the first. */
export const RetryReason = {
  /** Connect, TLS or the preface failed. */
  connectFailure: 0,
  /** RST_STREAM(REFUSED_STREAM). */
  refusedStream: 1,
  /** The stream's id is above the last one of a GOAWAY. */
  goaway: 2,
  /** The connection went away before HEADERS were handed to the socket. */
  notSent: 3,
} as const;
export type RetryReason = (typeof RetryReason)[keyof typeof RetryReason];

/** Label value by reason. */
export const RETRY_REASON_NAMES = ["connect_failure", "refused_stream", "goaway", "not_sent"] as const;
