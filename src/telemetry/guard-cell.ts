/** Why a connection was not taken, as added to {@link GuardCell.refused}. */
export const RefusalReason = {
  /** The caller has as many connections as one caller may have. */
  callerConnections: 0,
  /** The caller opens connections faster than it may. */
  callerRate: 1,
  /** The caller has flooded connections before, and its budget is used up. */
  callerFlood: 2,
  /** The worker has as many connections as it may have, or all but those kept for callers with few. */
  maxConnections: 3,
} as const;
export type RefusalReason = (typeof RefusalReason)[keyof typeof RefusalReason];

/** Label value by reason. */
export const REFUSAL_NAMES = [
  "caller_connections",
  "caller_rate",
  "caller_flood",
  "max_connections",
] as const;

/** Why a client's connection was ended by the sweep or for memory, as added to {@link GuardCell.closed}. */
export const CloseReason = {
  /** Preface and SETTINGS did not come in time. */
  handshakeTimeout: 0,
  /** A header section or frame stayed incomplete. */
  headersTimeout: 1,
  /** A PING of ours was not answered. */
  keepaliveTimeout: 2,
  /** It was asked to go because it had no stream for so long. */
  idle: 3,
  /** It was asked to go because of its age. */
  maxAge: 4,
  /** What it does not read fills the octet budget. */
  overBudget: 5,
} as const;
export type CloseReason = (typeof CloseReason)[keyof typeof CloseReason];

/** Label value by reason. */
export const CLOSE_NAMES = [
  "handshake_timeout",
  "headers_timeout",
  "keepalive_timeout",
  "idle",
  "max_age",
  "over_budget",
] as const;

/** Cells of limits, sweeps and overload in a worker's row, from {@link WorkerColumn.guard} on. */
export const GuardCell = {
  /** + RefusalReason, 8 cells reserved. */
  refused: 0,
  /** + CloseReason, 8 cells reserved. */
  closed: 8,
  /** PINGs sent to silent clients, and to silent endpoints. */
  downstreamPings: 16,
  upstreamPings: 17,
  /** Connections to endpoints given up because a PING was not answered. */
  upstreamTimeouts: 18,
  /** Streams given up for the octet budget. */
  relievedStreams: 19,
  /** Streams refused by the overload manager. */
  refusedStreams: 20,
  /** Times a connection was no longer read because its caller holds much. */
  readingStops: 21,
  /** Gauge: connections that are not read now. */
  pausedConnections: 22,
  /** Gauge: callers with connections or a memory of floods. */
  callers: 23,
  /** Gauge: octets of the slab that were ever used, and so are resident. */
  slabTouchedOctets: 24,
} as const;

/** Cells reserved. */
export const GUARD_CELLS = 32;

/** Cells that tell a present state. */
export const GUARD_GAUGES = [
  GuardCell.pausedConnections,
  GuardCell.callers,
  GuardCell.slabTouchedOctets,
] as const;
