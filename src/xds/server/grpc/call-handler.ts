/** What a method of ours makes of a call. */
export interface CallHandler {
  /** A message of the client; its octets are valid during the call only. */
  onMessage(octets: Buffer): void;
  /** The client has said its last word. */
  onEnd(): void;
  /** What was written has gone out, after a write that said to wait. */
  onDrained(): void;
  /** The call is over, whoever ended it. Told once, last. */
  onClosed(): void;
}
