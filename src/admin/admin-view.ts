/** One endpoint as the admin server shows it. */
export interface EndpointView {
  readonly address: string;
  readonly zone: string;
  readonly weight: number;
  readonly health: "healthy" | "unhealthy" | "draining";
  /** Index of its counters, and how many endpoints have had that index. */
  readonly slot: number;
  readonly generation: number;
  readonly inFlight: number;
  readonly requests: number;
  readonly errors: number;
  /** Taken out of picks for now, because it failed. */
  readonly setAside: boolean;
}

/** One cluster as the admin server shows it. */
export interface ClusterView {
  readonly name: string;
  readonly policy: string;
  readonly slot: number;
  /** Equal in two proxies that believe the same. */
  readonly contentHash: string;
  /** What the discovery of its endpoints suffers from; empty when nothing. */
  readonly trouble: string;
  /** Open connections that are passed on as they are: balanced per connection, not per request. */
  readonly balancedPerConnection: number;
  readonly endpoints: readonly EndpointView[];
}

/** Numbers by name, in the order in which they are shown. */
export type StatsView = Readonly<Record<string, number>>;

/** Outcome of an action. */
export type ActionResult =
  | { readonly ok: true; readonly message: string }
  | { readonly ok: false; readonly message: string };

/** What the admin server shows and can have done; the daemon implements it. */
export interface AdminView {
  /** @returns why the proxy is not ready; `undefined` when it is. */
  notReadyReason(): string | undefined;
  stats(): StatsView;
  clusters(): Iterable<ClusterView>;
  /** @returns the configuration in force and the state of reloads, fit for JSON. */
  configDump(): unknown;
  /** Starts a drain; the process ends when it is done. */
  drain(): ActionResult;
  /** Changes the level of the process's log until the next reload that changes it. */
  setLogLevel(level: string): ActionResult;
}
