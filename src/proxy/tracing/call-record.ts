/** Octets of ids. */
const TRACE_OCTETS = 16;
const SPAN_OCTETS = 8;

/** One attempt of a call: a stream at an endpoint. Times are milliseconds since 1970. */
export interface AttemptRecord {
  startMs: number;
  endMs: number;
  address: string;
  port: number;
  /** "" where it is not known. */
  zone: string;
  /** Whether the endpoint answered, with whatever status, and it was not its fault. */
  isOk: boolean;
  /** The recorded pick that chose the endpoint (lb/record/pick-id.ts); "" where none was recorded. */
  pick: string;
}

/** A call as its spans tell it, when it has ended. Objects are filled anew for other calls: there may be ten thousand in a second. */
export interface CallRecord {
  /** 16 octets. */
  readonly traceId: Uint8Array;
  /** The caller's span, 8 octets; nothing where the trace begins here. */
  readonly parentSpanId: Uint8Array;
  hasParent: boolean;
  startMs: number;
  endMs: number;
  /** `:path`: service and method. */
  path: string;
  authority: string;
  /** The cluster's name; "" when none was found. */
  cluster: string;
  /** How its endpoint was picked; "" without a cluster. */
  policy: string;
  /** The route that decided it; "" when none did. */
  route: string;
  grpcStatus: number;
  /** In Envoy's letters, "-" for the endpoint's own answer. */
  responseFlag: string;
  /** Streams that were sent to another endpoint, moves, retries and hedges. */
  retries: number;
  requestOctets: number;
  responseOctets: number;
  /** The pod that called; "" where it is not known, as its namespace. */
  sourcePod: string;
  sourceNamespace: string;
  /** Only so many of them are of this call. */
  attemptCount: number;
  readonly attempts: AttemptRecord[];
}

/** @returns a record of nothing. */
export function emptyRecord(): CallRecord {
  return {
    traceId: new Uint8Array(TRACE_OCTETS),
    parentSpanId: new Uint8Array(SPAN_OCTETS),
    hasParent: false,
    startMs: 0,
    endMs: 0,
    path: "",
    authority: "",
    cluster: "",
    policy: "",
    route: "",
    grpcStatus: 0,
    responseFlag: "",
    retries: 0,
    requestOctets: 0,
    responseOctets: 0,
    sourcePod: "",
    sourceNamespace: "",
    attemptCount: 0,
    attempts: [],
  };
}

/** @returns the call's next attempt, to be filled. */
export function nextAttempt(call: CallRecord): AttemptRecord {
  let attempt = call.attempts[call.attemptCount];
  if (attempt === undefined) {
    attempt = { startMs: 0, endMs: 0, address: "", port: 0, zone: "", isOk: false, pick: "" };
    call.attempts.push(attempt);
  }
  call.attemptCount++;
  return attempt;
}
