import type { FloodKind, NO_FLOOD } from "./flood-kind.ts";
import type { BlockKind } from "./hpack/block-kind.ts";

/** Why a stream ended other than by both sides' END_STREAM. */
export const ResetCause = {
  /** The peer sent RST_STREAM. */
  peer: 0,
  /** The peer broke a rule on this stream; the engine has answered with RST_STREAM. */
  peerError: 1,
  /** The connection is gone. */
  connectionLost: 2,
  /** The peer's GOAWAY says it never processed the stream. */
  unprocessed: 3,
  /** The octet budget had no room for what the stream holds. */
  overBudget: 4,
  /** The connection is gone, and the stream's HEADERS were never handed to the transport. */
  notSent: 5,
} as const;
export type ResetCause = (typeof ResetCause)[keyof typeof ResetCause];

/**
 * What a connection tells its owner, as calls with integers. Offsets are into the engine's slab and valid during the call
 * only. A sink may send on this or any other connection from within a call, and must not throw.
 */
export interface ConnectionSink {
  /**
   * A whole, valid header section: its field block lies at `engine.scratch`, `octets` long, its meaning in the connection's
   * decoder. The sink owns the block's interned references (it encodes or keeps them, then releases them).
   */
  onHeaders(slot: number, kind: BlockKind, octets: number, endStream: boolean): void;
  /**
   * A header section refused for its size alone (RFC 9113 §10.5.1); the stream is still open to answer on. Requests only:
   * on a response the stream has been reset.
   */
  onHeadersTooLarge(slot: number, endStream: boolean): void;
  /**
   * A request's body is above the limit; what is left of it will be dropped. The stream is still open to answer on. Told
   * after `onHeaders`, once.
   */
  onBodyTooLarge(slot: number): void;
  /** A part of a stream's DATA. Windows reopen when the sink calls `consume`. */
  onData(slot: number, offset: number, length: number, endStream: boolean): void;
  /** `octets` that had been queued on this stream have moved into the output. */
  onDrained(slot: number, octets: number): void;
  /** The stream is over; `onClosed` follows. */
  onReset(slot: number, errorCode: number, cause: ResetCause): void;
  /**
   * The slot is about to be recycled: forget it. Told exactly once for each stream; the call may neither reset this stream
   * nor close its connection.
   */
  onClosed(slot: number): void;
  /** The peer's SETTINGS are in force: capacity may have changed. */
  onSettings(): void;
  /** The peer will take no streams above `lastStreamId`; those beyond it have been told by `onReset`. */
  onGoaway(lastStreamId: number, errorCode: number): void;
  /** The peer answered a PING of ours that carried `token`. */
  onPong(token: number): void;
  /**
   * The connection broke a rule or lost its budget: GOAWAY is in the output; flush, then close.
   *
   * @param flood what the peer did too much of, if that is the reason.
   */
  onFailed(errorCode: number, flood: FloodKind | typeof NO_FLOOD): void;
}
