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
  /** Waits before it is tried again. */
  backingOff: 6,
  /** Waits for word of where its authority leads. */
  unrouted: 7,
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
  /** Its attempts are watched (retries, hedges, a limit of time for each), and none has begun its answer yet. */
  supervised: 128,
  /** The client wants to be given the load its endpoint reports. */
  wantsLoadReport: 256,
  /** The answer's HTTP status is 500 or more, and not 501. */
  serverError: 512,
  /** A hedge waits for a connection to the endpoint in {@link ExchangeTable.endpoint}, beside an attempt under way. */
  hedgeWaiting: 1024,
  /** Its deadline is the cluster's, not the client's. */
  ownDeadline: 2048,
  /** It is ended when nothing moves on it for too long. */
  idleWatched: 4096,
  /** The answer's HTTP status is 502, 503 or 504: the endpoint cannot serve. */
  gatewayError: 8192,
  /** Spans are made of it: tracing/call-tracer.ts knows it. */
  traced: 16_384,
} as const;

/** Endpoints one request is sent to at most beyond the first because others certainly did not process it. */
export const MAX_MOVES = 3;
/** Endpoints remembered as tried, the latest ones. */
export const MAX_TRIED = 8;

/**
 * What the proxy knows of a request beyond its two HTTP/2 streams, in columns. Rows are the downstream stream's slot; the
 * columns `peer`, `cluster` and `endpoint` are kept for upstream slots as well.
 */
export class ExchangeTable {
  /** The other stream of the pair, 0 when there is none. Of several attempts (hedges) all have the client's stream here, and it the first. */
  readonly peer: Int32Array;
  /** Hedges: from the client's stream to the second attempt's, and from each further one to the next; 0 is the end. */
  readonly hedge: Int32Array;
  /** Cluster slot, -1 for none. */
  readonly cluster: Int32Array;
  /** What the cluster's policy hashes, 0 for nothing; written only where there are routes, or the cluster has a RequestHash. */
  readonly hash: Uint32Array;
  /** Endpoint slot of the present attempt, -1 for none. */
  readonly endpoint: Int32Array;
  /** Whose connections to endpoints it may use; 0 where callers are not told apart. */
  readonly callerClass: Uint8Array;
  /** Number of the namespace that it came from, for counters (telemetry/source-names.ts); 0 where callers are not known. */
  readonly source: Uint16Array;
  readonly phase: Uint8Array;
  readonly bits: Uint16Array;
  /** How often it was sent, or is to be sent, once more: moves, retries and hedges together. */
  readonly moves: Uint8Array;
  /** Retries and hedges of these. */
  readonly retried: Uint8Array;
  /** Streams opened towards endpoints. */
  readonly attempts: Uint8Array;
  /** Attempts that the endpoint is told there were: the client's own and our retries. */
  readonly previousAttempts: Uint8Array;
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
    this.hash = new Uint32Array(slots);
    this.endpoint = new Int32Array(slots);
    this.callerClass = new Uint8Array(slots);
    this.source = new Uint16Array(slots);
    this.phase = new Uint8Array(slots);
    // A stream may end before it was a request: it counts as one only from begin() on.
    this.bits = new Uint16Array(slots).fill(ExchangeBit.finished);
    this.hedge = new Int32Array(slots);
    this.moves = new Uint8Array(slots);
    this.retried = new Uint8Array(slots);
    this.attempts = new Uint8Array(slots);
    this.previousAttempts = new Uint8Array(slots);
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
    this.#tried = new Int32Array(slots * MAX_TRIED);
  }

  /** Makes a row new. */
  begin(slot: number, nowMs: number): void {
    this.begun++;
    this.peer[slot] = 0;
    this.cluster[slot] = -1;
    this.endpoint[slot] = -1;
    this.callerClass[slot] = 0;
    this.source[slot] = 0;
    this.phase[slot] = 0;
    this.bits[slot] = 0;
    this.moves[slot] = 0;
    this.retried[slot] = 0;
    this.attempts[slot] = 0;
    this.previousAttempts[slot] = 0;
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

  /** Notes that this request is sent once more, and that the present endpoint is to be avoided then. */
  countMove(slot: number): void {
    const moves = this.moves[slot]!;
    this.#tried[slot * MAX_TRIED + (moves % MAX_TRIED)] = this.endpoint[slot]!;
    this.moves[slot] = moves + 1;
  }

  /** Notes that one more attempt is made by policy, of which the endpoint is told. */
  countRetry(slot: number): void {
    this.retried[slot]!++;
    if (this.previousAttempts[slot]! < 255) this.previousAttempts[slot]!++;
  }

  /** Copies the endpoints tried into `into`. @returns how many: `moves`, or {@link MAX_TRIED}. */
  copyTried(slot: number, into: Int32Array): number {
    const count = Math.min(this.moves[slot]!, MAX_TRIED);
    for (let i = 0; i < count; i++) into[i] = this.#tried[slot * MAX_TRIED + i]!;
    return count;
  }

  /** Makes `stream` one more attempt of a request that has one under way. */
  addHedge(slot: number, stream: number): void {
    this.peer[stream] = slot;
    this.hedge[stream] = this.hedge[slot]!;
    this.hedge[slot] = stream;
  }

  /** Parts an attempt from its request; if it was the first of several, the next takes its place. */
  part(slot: number, stream: number): void {
    const { peer, hedge } = this;
    peer[stream] = 0;
    if (peer[slot] === stream) {
      const next = hedge[slot]!;
      peer[slot] = next;
      if (next === 0) return;
      hedge[slot] = hedge[next]!;
      hedge[next] = 0;
      return;
    }
    for (let at = slot; hedge[at] !== 0; at = hedge[at]!) {
      if (hedge[at] !== stream) continue;
      hedge[at] = hedge[stream]!;
      hedge[stream] = 0;
      return;
    }
  }
}
