/** How long what may take at an arrival, in milliseconds. */
export interface ArrivalLimits {
  /**
   * How long a client may be silent before an endpoint is dialled for it, in case the endpoint is to speak first. Clients that
   * speak first nearly always do within this, and cost no endpoint a connection for nothing.
   */
  readonly dialAfterMs: number;
  /** The same inside a tunnel, where our 200 has to get to the client first. */
  readonly tunnelDialAfterMs: number;
  /**
   * How long a client may be silent before it counts as one that waits for the endpoint to speak. Not before is an endpoint dialled
   * by TLS: it is costly, and for nothing when the client brings its own.
   */
  readonly silenceMs: number;
  /** How long what a client begins with may take, where nothing is gained by deciding without it. */
  readonly headLimitMs: number;
  /** How long a client may take to end its side after we have ended ours. */
  readonly lingerMs: number;
  /** How long a spliced connection may carry nothing. */
  readonly spliceIdleMs: number;
}

/** The hour is Envoy's idle timeout of TCP. */
export const ARRIVAL_LIMITS: ArrivalLimits = {
  dialAfterMs: 3,
  tunnelDialAfterMs: 20,
  silenceMs: 50,
  headLimitMs: 10_000,
  lingerMs: 1_000,
  spliceIdleMs: 3_600_000,
};
