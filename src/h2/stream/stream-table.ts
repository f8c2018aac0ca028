import type { Slab } from "../../base/slab.ts";
import { OctetQueues } from "./octet-queues.ts";

/**
 * What has closed of a stream, as bits; 0 is "open".
 *
 *     idle ──HEADERS──▶ open (0) ──END_STREAM sent──▶ half-closed (local)  = localClosed
 *                          │ ────END_STREAM received──▶ half-closed (remote) = remoteClosed
 *                          └──both, or RST_STREAM either way──▶ closed: the slot is recycled
 *
 * Push is disabled by both of our roles, so no stream is ever reserved. Idle and closed streams have no slot: an id above
 * the highest seen is idle, any other without a slot is closed. Source: RFC 9113 §5.1.
 */
export const StreamBit = {
  localClosed: 1,
  remoteClosed: 2,
  /** The first final header section arrived, so the next one is trailers. */
  headersReceived: 4,
  /** END_STREAM is due once the queue is empty. */
  endQueued: 8,
  /** Trailers are due once the queue is empty. */
  trailersQueued: 16,
  /** The stream stands in its connection's ring of streams that have octets and window to send. */
  blocked: 32,
  /** The receiver has lost interest: what arrives is counted and dropped. */
  discard: 64,
  /** An informational response (1xx) has come. */
  informed: 128,
} as const;

/**
 * All streams of a worker as columns of numbers, one slot each: no object per stream, and a fixed bound.
 *
 * Slot 0 is never used, so 0 means "no stream". Freed slots are reused first. Columns are zero when a slot is taken.
 */
export class StreamTable {
  readonly capacity: number;
  /** Streams in use. */
  used = 0;
  /** {@link StreamBit}s. */
  readonly bits: Uint8Array;
  /** Index of the owning connection in the engine's list. */
  readonly connection: Int32Array;
  readonly id: Int32Array;
  /** Octets we may send; negative after a peer shrinks SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.9.2). */
  readonly sendWindow: Int32Array;
  /** Octets the peer may still send. */
  readonly recvWindow: Int32Array;
  /** Octets received and passed on, not yet given back by WINDOW_UPDATE. */
  readonly recvPending: Int32Array;
  /** The window size we aim at; grows while the reader drains. */
  readonly recvTarget: Int32Array;
  /** Octets waiting for a window or for the transport. */
  readonly queue: OctetQueues;
  /** A slab block with a field block that waits for the queue to empty (its first word: the block's literal size). */
  readonly trailersBlock: Int32Array;
  readonly trailersOctets: Int32Array;
  /** Neighbours in the connection's list of its streams. */
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** Neighbours in the connection's ring of blocked streams. */
  readonly blockedNext: Int32Array;
  readonly blockedPrevious: Int32Array;
  /** Octets of DATA still expected by `content-length`, or -1 when none was given; below that a limit, see bodyAllowance. */
  readonly contentRemaining: Float64Array;

  readonly #freeNext: Int32Array;
  #freeHead = 0;
  #highWater = 1;

  /** @param capacity streams at most, both directions together. Memory is touched only as slots are first used. */
  constructor(slab: Slab, capacity: number) {
    const slots = capacity + 1;
    this.capacity = capacity;
    this.bits = new Uint8Array(slots);
    this.connection = new Int32Array(slots);
    this.id = new Int32Array(slots);
    this.sendWindow = new Int32Array(slots);
    this.recvWindow = new Int32Array(slots);
    this.recvPending = new Int32Array(slots);
    this.recvTarget = new Int32Array(slots);
    this.queue = new OctetQueues(slab, slots);
    this.trailersBlock = new Int32Array(slots);
    this.trailersOctets = new Int32Array(slots);
    this.next = new Int32Array(slots);
    this.previous = new Int32Array(slots);
    this.blockedNext = new Int32Array(slots);
    this.blockedPrevious = new Int32Array(slots);
    this.contentRemaining = new Float64Array(slots);
    this.#freeNext = new Int32Array(slots);
  }

  /** @returns a slot, or 0 when all are in use. */
  take(): number {
    let slot = this.#freeHead;
    if (slot !== 0) this.#freeHead = this.#freeNext[slot]!;
    else if (this.#highWater <= this.capacity) slot = this.#highWater++;
    else return 0;
    this.used++;
    this.bits[slot] = 0;
    this.recvPending[slot] = 0;
    this.trailersBlock[slot] = 0;
    this.trailersOctets[slot] = 0;
    this.contentRemaining[slot] = -1;
    return slot;
  }

  /** Gives a slot back; the caller has emptied its queue and taken it off every list. */
  release(slot: number): void {
    this.used--;
    this.id[slot] = 0;
    this.#freeNext[slot] = this.#freeHead;
    this.#freeHead = slot;
  }
}
