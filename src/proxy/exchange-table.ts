import type { Slab } from "../base/slab.ts";
import { SlotLinks } from "../base/slot-list.ts";
import { OctetQueues } from "../h2/stream/octet-queues.ts";

/** Where a request stands. */
export const Phase = {
  none: 0,
  /** Waits for the end of the loop turn to be picked for. */
  opening: 1,
  /** An endpoint is picked; waits for a connection to it. */
  connecting: 2,
  /** Waits in its cluster's queue for capacity anywhere. */
  queued: 3,
  /** Has a stream at an endpoint. */
  attached: 4,
  /** The answer has ended, or is our own. */
  answered: 5,
} as const;

/** Facts about an exchange, as bits. */
export const ExchangeBit = {
  /** The client has ended its side. */
  requestEnded: 1,
  /** A final response section went to the client: from here on nothing can be moved. */
  responseStarted: 2,
  /** Head and body are still held, so that the request can be sent once more. */
  movable: 4,
  /** The request says it is gRPC, so errors are told as gRPC statuses. */
  grpc: 8,
  /** The endpoint's in-flight count includes this exchange, though it has no stream there yet. */
  counted: 16,
  /** Its end has been counted. */
  finished: 32,
  /** The response says how long its body is, so it cannot be ended before by trailers of our own. */
  lengthAnnounced: 64,
} as const;

/** Endpoints one request is sent to at most beyond the first. */
export const MAX_MOVES = 3;
const TRIED = MAX_MOVES + 1;

/**
 * What the proxy knows of a request beyond its two HTTP/2 streams, in columns. Rows are the downstream stream's slot; the
 * columns `peer`, `cluster` and `endpoint` are kept for upstream slots as well.
 */
export class ExchangeTable {
  /** The other stream of the pair, 0 when there is none. */
  readonly peer: Int32Array;
  /** Cluster slot, -1 for none. */
  readonly cluster: Int32Array;
  /** Endpoint slot of the present attempt, -1 for none. */
  readonly endpoint: Int32Array;
  readonly phase: Uint8Array;
  readonly bits: Uint8Array;
  readonly moves: Uint8Array;
  /** The last gRPC status seen, -1 for none. */
  readonly grpcStatus: Int8Array;
  readonly flag: Uint8Array;
  /** The request's field block, with room behind it for one more field, and its sizes. */
  readonly headBlock: Int32Array;
  readonly headOctets: Int32Array;
  readonly headLiteralOctets: Int32Array;
  readonly headListOctets: Int32Array;
  /** A field block of request trailers that came before there was a stream to send them on (engine's trailersBlock form). */
  readonly trailersBlock: Int32Array;
  readonly trailersOctets: Int32Array;
  /** The body as far as it may have to be sent (again). */
  readonly replay: OctetQueues;
  /** Octets of body that came, that this attempt has sent, and that the client was given credit for. */
  readonly bodyReceived: Float64Array;
  readonly bodySent: Float64Array;
  readonly bodyCredited: Float64Array;
  /** Octets of response body that came. */
  readonly responseOctets: Float64Array;
  /** Times on the worker's clock; `dueMs` is 0 without a deadline, `openedMs` 0 before the first attempt. */
  readonly startMs: Float64Array;
  readonly openedMs: Float64Array;
  readonly queuedMs: Float64Array;
  readonly dueMs: Float64Array;
  /** Links of the waiting lists exchanges stand in. */
  readonly links: SlotLinks;
  /** Requests begun so far. */
  begun = 0;
  readonly #tried: Int32Array;

  constructor(slab: Slab, slots: number) {
    this.peer = new Int32Array(slots);
    this.cluster = new Int32Array(slots);
    this.endpoint = new Int32Array(slots);
    this.phase = new Uint8Array(slots);
    // A stream may end before it was a request: it counts as one only from begin() on.
    this.bits = new Uint8Array(slots).fill(ExchangeBit.finished);
    this.moves = new Uint8Array(slots);
    this.grpcStatus = new Int8Array(slots);
    this.flag = new Uint8Array(slots);
    this.headBlock = new Int32Array(slots);
    this.headOctets = new Int32Array(slots);
    this.headLiteralOctets = new Int32Array(slots);
    this.headListOctets = new Int32Array(slots);
    this.trailersBlock = new Int32Array(slots);
    this.trailersOctets = new Int32Array(slots);
    this.replay = new OctetQueues(slab, slots);
    this.bodyReceived = new Float64Array(slots);
    this.bodySent = new Float64Array(slots);
    this.bodyCredited = new Float64Array(slots);
    this.responseOctets = new Float64Array(slots);
    this.startMs = new Float64Array(slots);
    this.openedMs = new Float64Array(slots);
    this.queuedMs = new Float64Array(slots);
    this.dueMs = new Float64Array(slots);
    this.links = new SlotLinks(slots);
    this.#tried = new Int32Array(slots * TRIED);
  }

  /** Makes a row new. */
  begin(slot: number, nowMs: number): void {
    this.begun++;
    this.peer[slot] = 0;
    this.cluster[slot] = -1;
    this.endpoint[slot] = -1;
    this.phase[slot] = 0;
    this.bits[slot] = 0;
    this.moves[slot] = 0;
    this.grpcStatus[slot] = -1;
    this.flag[slot] = 0;
    this.headBlock[slot] = 0;
    this.trailersBlock[slot] = 0;
    this.bodyReceived[slot] = 0;
    this.bodySent[slot] = 0;
    this.bodyCredited[slot] = 0;
    this.responseOctets[slot] = 0;
    this.startMs[slot] = nowMs;
    this.openedMs[slot] = 0;
    this.queuedMs[slot] = 0;
    this.dueMs[slot] = 0;
  }

  /** Notes that this request has been sent to the present endpoint in vain. */
  markTried(slot: number): void {
    this.#tried[slot * TRIED + this.moves[slot]!] = this.endpoint[slot]!;
  }

  /** Copies the endpoints tried into `into`; there are `moves` of them. */
  copyTried(slot: number, into: Int32Array): number {
    const count = this.moves[slot]!;
    for (let i = 0; i < count; i++) into[i] = this.#tried[slot * TRIED + i]!;
    return count;
  }
}
