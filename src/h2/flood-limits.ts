import { FloodKind } from "./flood-kind.ts";

/** What of one kind is let pass. */
export interface FloodLimit {
  /** Units at once, after a quiet time. */
  readonly burst: number;
  /** Units that come back each second. */
  readonly perSecond: number;
}

/**
 * Budgets of one connection, by {@link FloodKind}. They are far above what peers do who mean well, because an honest one that
 * is closed has lost more than the attack would have cost; and low enough to end a flood within about a second.
 */
export const FLOOD_LIMITS: readonly FloodLimit[] = Object.values({
  // A stream that lived 5 ms before its reset costs an eighth, and one that ends well gives a unit back. So 5,000 cancels at
  // once pass, and a client whose deadline of 20 ms cuts off 5,000 calls a second may go on for ever; 10,000 immediate resets
  // a second last 1.1 s.
  [FloodKind.reset]: { burst: 10_000, perSecond: 1000 },
  // Nobody who means well breaks rules in numbers, but a broken client may, a little at a time, and a client that has not
  // seen our SETTINGS yet may open thousands of streams too many: those cost an eighth.
  [FloodKind.provokedReset]: { burst: 1000, perSecond: 100 },
  // gRPC stacks measure their bandwidth by one PING per round trip while DATA flows; those are paid for by the DATA.
  [FloodKind.ping]: { burst: 2000, perSecond: 500 },
  // In entries of SETTINGS. gRPC's stacks adapt window and frame size to the bandwidth they measure: C-core up to ten times a
  // second, two entries each, grpc-go some ten times in the life of a connection.
  [FloodKind.settings]: { burst: 1000, perSecond: 200 },
  // Some stacks send a PRIORITY with each request.
  [FloodKind.emptyFrame]: { burst: 4000, perSecond: 1000 },
  // Who has large headers fills its frames; only fragments below 1 KiB that more follow, sections above the limit, and
  // second informational responses cost.
  [FloodKind.continuation]: { burst: 2000, perSecond: 500 },
  // Every DATA frame of ours pays for three: the stream's, the connection's, and a PING. What a window that is too small
  // has cut to pieces pays for none, so a peer that reads through a window of one octet gets 1,000 of them a second.
  [FloodKind.windowUpdate]: { burst: 10_000, perSecond: 1000 },
} satisfies Record<FloodKind, FloodLimit>);

/**
 * How many times a connection's budget all connections of one caller have together. Two: a caller that comes back with a
 * new connection after each that was closed on it gains one burst by it, once.
 */
export const CALLER_SHARE = 2;
