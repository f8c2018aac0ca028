/** One attempt of a call: a stream at an endpoint. Times are milliseconds since 1970. */
export interface AttemptRecord {
  readonly startMs: number;
  readonly endMs: number;
  readonly address: string;
  readonly port: number;
  /** "" where it is not known. */
  readonly zone: string;
  /** Whether the endpoint answered, with whatever status, and it was not its fault. */
  readonly isOk: boolean;
  /** The recorded pick that chose the endpoint (lb/record/pick-id.ts); "" where none was recorded. */
  readonly pick: string;
}

/** A finished call as its spans tell it. */
export interface CallRecord {
  /** 16 octets, and 8 for the caller's span; of that undefined: the trace begins here. */
  readonly traceId: Uint8Array;
  readonly parentSpanId: Uint8Array | undefined;
  readonly startMs: number;
  readonly endMs: number;
  /** `:path`: service and method. */
  readonly path: string;
  readonly authority: string;
  /** The cluster's name; "" when none was found. */
  readonly cluster: string;
  /** How its endpoint was picked; "" without a cluster. */
  readonly policy: string;
  /** The route that decided it; "" when none did. */
  readonly route: string;
  readonly grpcStatus: number;
  /** In Envoy's letters, "-" for the endpoint's own answer. */
  readonly responseFlag: string;
  /** Streams that were sent to another endpoint, moves, retries and hedges. */
  readonly retries: number;
  readonly requestOctets: number;
  readonly responseOctets: number;
  /** The pod that called; "" where it is not known, as its namespace. */
  readonly sourcePod: string;
  readonly sourceNamespace: string;
  readonly attempts: readonly AttemptRecord[];
}
