/** What one window of a run was like. Requests belong to the window they started in. */
export interface WindowResult {
  /** Counts by bucket of a LatencyRecord, of our callers' requests that did not fail. */
  readonly latencies: Uint32Array;
  /** Our callers' requests, and those of them that stayed in their zone, by the caller's zone. */
  readonly requests: Float64Array;
  readonly inZone: Float64Array;
  /** Servers' time spent serving / there was, of the healthy endpoints, by the endpoints' zone. */
  readonly busyMs: Float64Array;
  readonly serverMs: Float64Array;
}

/** What one run of a scenario under one contestant and seed was like. Plain data: it travels between threads. */
export interface RunResult {
  readonly windows: readonly WindowResult[];
  /** Our callers' requests after the warm-up: all, failed, and those that left their zone. */
  readonly requests: number;
  readonly errors: number;
  readonly crossZone: number;
  /** Largest / mean share of busy servers among the healthy endpoints, mean over the windows after the warm-up. */
  readonly imbalance: number;
  /** Requests of everybody, warm-up included. */
  readonly simulated: number;
}
