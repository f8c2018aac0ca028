/** The two ways a call can take: placed once per connection, or picked by Isobar for every stream. */
export type Way = "pinned" | "isobar";

/** Both ways, in the order they are shown. */
export const WAYS: readonly Way[] = ["pinned", "isobar"];

/** Calls between two parts of the demo carry this number and are left out of every count. */
export const UNCOUNTED = -1;

/** What a backend process is told when it starts, as JSON in its first argument. */
export interface BackendSettings {
  readonly name: string;
  readonly zone: string;
  readonly workers: number;
  readonly serviceMs: number;
  readonly seed: number;
}

/** What a load process is told when it starts, as JSON in its first argument. */
export interface LoadSettings {
  readonly address: string;
  readonly authority: string;
  readonly channels: number;
  readonly callsPerSecond: number;
  readonly deadlineMs: number;
  readonly seed: number;
}

/** From the demo to its backends and load processes. */
export type ChildOrder =
  | { readonly kind: "part"; readonly part: number }
  | { readonly kind: "slow"; readonly factor: number }
  | { readonly kind: "go" }
  | { readonly kind: "stop" }
  | { readonly kind: "wards"; readonly pids: readonly number[]; readonly folder: string };

/** From a child to the demo: it is ready; a backend names the port of each way. */
export interface ReadyReport {
  readonly kind: "ready";
  readonly ports?: Readonly<Record<Way, number>>;
}

/** From a child to the demo: it cannot do its work. */
export interface FailedReport {
  readonly kind: "failed";
  readonly reason: string;
}

/** From a backend: calls that arrived since its last report. */
export interface ArrivalReport {
  readonly kind: "arrivals";
  readonly part: number;
  readonly calls: Readonly<Record<Way, number>>;
}

/** From a load process: calls of one part that ended since its last report. */
export interface OutcomeReport {
  readonly kind: "outcomes";
  readonly part: number;
  readonly answered: number;
  /** Calls that failed, by gRPC status name. */
  readonly failed: Readonly<Record<string, number>>;
  /** Pairs of bucket and count, see `LatencyHistogram.takeBuckets`. */
  readonly latency: readonly number[];
}

/** From a load process: calls it should have made but could not, because the machine was too busy to run it. */
export interface NotMadeReport {
  readonly kind: "not-made";
  readonly calls: number;
}

/** Whatever a child may send. */
export type ChildReport = ReadyReport | FailedReport | ArrivalReport | OutcomeReport | NotMadeReport;
