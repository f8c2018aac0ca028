/**
 * Where the numbers of a recorded pick lie in a {@link PickRing}. A record is a whole number of words of 8 octets,
 * little-endian:
 *
 *     word 0  length of the record in words: u32      number of the record, counted from 1, wraps: u32
 *     word 1  number of the view picked from: u32     why the endpoint was picked for (PickCause): u32
 *     word 2  time on the worker's clock, in ms: f64
 *     word 3  PickRequest.sequence: u32               PickRequest.hash: u32
 *     word 4  endpoint slot picked, -1 for none: i32  tried: u8, draws: u8, reads: u16
 *     then    endpoint slots tried: i32 each, the last word filled up
 *     then    numbers drawn: f64 each
 *     then    loads read: slot: i32 and kind: u32 (ReadKind), value: f64 each
 *
 * Where no whole record fits behind the last one, a length of 0 says that the next one is at the ring's start.
 */
export const RECORD_HEAD_WORDS = 5;

/** Loads, draws and tried endpoints a record holds at most; a pick with more is counted and not kept. */
export const MAX_READS = 512;
export const MAX_DRAWS = 255;
export const MAX_TRIED = 16;

/** Which number was read: the methods of TierLoads. */
export const ReadKind = { inFlight: 0, load: 1, total: 2, own: 3, usual: 4 } as const;

/** One of {@link ReadKind}. */
export type ReadKind = (typeof ReadKind)[keyof typeof ReadKind];

/** Names of {@link ReadKind} by value, as people and JSON see them. */
export const READ_KIND_NAMES = ["inFlight", "load", "total", "own", "usual"] as const;

/** What stands for a slot where a number of the whole cluster was read, or of the tier. */
export const NO_SLOT = -1;

/** What a pick was for. */
export const PickCause = {
  /** A request's first. */
  first: 0,
  /** The endpoint picked before had no room. */
  full: 1,
  /** The endpoint before certainly did not process it, or the request is retried. */
  again: 2,
  /** A connection that is balanced as a whole. */
  connection: 3,
} as const;

/** One of {@link PickCause}. */
export type PickCause = (typeof PickCause)[keyof typeof PickCause];

/** Names of {@link PickCause} by value. */
export const PICK_CAUSE_NAMES = ["first", "full", "again", "connection"] as const;

/** Words that a record of these counts takes. */
export function recordWords(tried: number, draws: number, reads: number): number {
  return RECORD_HEAD_WORDS + ((tried + 1) >>> 1) + draws + 2 * reads;
}

/** The longest record, in words. */
export const MAX_RECORD_WORDS: number = recordWords(MAX_TRIED, MAX_DRAWS, MAX_READS);
