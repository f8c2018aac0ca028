/** What capture says of itself in `capture.json`, for the proxies of the node. Times are milliseconds since 1970. */
export interface CaptureReport {
  readonly format: 1;
  readonly writtenMs: number;
  /** Where the far end of the canary listens, on 127.0.0.1. */
  readonly echoPort: number;
  /** The generation that new connections go to while the gate is open. */
  readonly current: string | null;
  /** Whether new connections are led to it. */
  readonly open: boolean;
  /** Why not; "" while it is open. */
  readonly closedBecause: string;
  /** The version of the current generation's plan that is in the kernel; "" when it is none. */
  readonly planVersion: string;
  readonly generations: readonly GenerationReport[];
  /** Connections of captured pods that go past the proxy, by service. */
  readonly bypassed: readonly { readonly service: string; readonly connections: number }[];
  /** Connections led to a proxy since this capture began. */
  readonly capturedTotal: number;
  /** Connections of captured pods that began past the proxy since then, because the gate was closed. */
  readonly pastTotal: number;
  /** Connections that went past and were reset, so that they come back. */
  readonly reclaimedTotal: number;
  /** Connections of pods that fail closed, refused while no proxy worked. */
  readonly refusedTotal: number;
  /** Seconds in which there were pods to capture and the gate was closed, or had run out by itself. */
  readonly failOpenSecondsTotal: number;
  /** Since when captured pods have traffic of which nothing comes to the proxy; null: it does. */
  readonly inertSinceMs: number | null;
}

/** One generation in a {@link CaptureReport}. */
export interface GenerationReport {
  readonly generation: string;
  /** Whether its established connections are let alive. */
  readonly alive: boolean;
  readonly sinceMs: number;
  readonly lastCanaryMs: number;
  readonly failures: number;
  /** Why its last canaries failed; "" after good ones. */
  readonly why: string;
  /** The version of its plan that is in the kernel; "" when none is. */
  readonly planVersion: string;
}
