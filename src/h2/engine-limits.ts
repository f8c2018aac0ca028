import type { FloodLimit } from "./flood-limits.ts";

/** Limits of our side of every connection; what of them the peer must know is announced in SETTINGS. */
export interface EngineLimits {
  /** Streams a client may have open on one connection. Default 1024. */
  readonly maxConcurrentStreams: number;
  /** Largest header section accepted, by RFC 9113 §6.5.2's count. Default 32,768 octets. */
  readonly maxHeaderListOctets: number;
  /** Window of a whole connection. Default 1 MiB: credit comes back on receipt, streams hold the limit. */
  readonly connectionWindowOctets: number;
  /** What a stream's window may grow to while its reader drains. Default 1 MiB. */
  readonly maxStreamWindowOctets: number;
  /** What all grown windows together may have granted beyond 64 KiB each. Default: a quarter of the budget. */
  readonly grownWindowsOctets: number;
  /** Octets a transport may hold unwritten before streams stop adding DATA. Default 128 KiB. */
  readonly backlogOctets: number;
  /** Octets a transport may hold unwritten, of control frames too, before the peer is given up. Default 1 MiB. */
  readonly maxBacklogOctets: number;
  /** What a peer may do too much of on one connection, by `FloodKind`. Default: FLOOD_LIMITS. */
  readonly floods: readonly FloodLimit[];
  /** Octets of a request's body at most; 0, the default: no limit. */
  readonly maxRequestBodyOctets: number;
}
