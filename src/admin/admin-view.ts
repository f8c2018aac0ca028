import type { ExplainQuestion, ExplainView } from "./explain-view.ts";
import type { NodeStatus } from "./node-status.ts";

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
  /** Why: `connect`, `outlier` (ejected, or in trial), `health_check`. */
  readonly setAsideFor: readonly string[];
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

/** The routes as the admin server shows them. */
export interface RoutesView {
  /** Equal in two proxies that have the same routes; "" when there never were any. */
  readonly version: string;
  readonly routes: readonly {
    readonly name: string;
    readonly authorities: readonly string[];
    /** Each side with the requests decided for it; one without a name where the authority's own cluster takes them. */
    readonly clusters: readonly {
      readonly name: string;
      readonly weight: number;
      readonly requests: number;
    }[];
  }[];
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
  /** What `isobar status`, `top` and `doctor` are made of. */
  status(): Promise<NodeStatus>;
  /** @returns the routes in force, in their order. */
  routes(): RoutesView;
  /** @returns the connection with the control plane and what is known from it, fit for JSON; undefined where there is none. */
  controlPlane(): object | undefined;
  /** The node's captured traffic and what all generations did; undefined where nothing is captured. */
  capture(): object | undefined;
  /** Believes updates that are held back. @param cluster "" for those of all clusters. */
  releaseHeldBack(cluster: string): ActionResult;
  /** @returns the configuration in force and the state of reloads, fit for JSON. */
  configDump(): unknown;
  /** @returns what the workers say of their picks; its `cluster` is null for a name that does not exist. */
  explain(question: ExplainQuestion): Promise<ExplainView>;
  /** @returns what is recorded, as pick-dump.ts writes it. */
  explainDump(): Promise<Uint8Array>;
  /** Starts a drain; the process ends when it is done. */
  drain(): ActionResult;
  /** Changes the level of the process's log until the next reload that changes it. */
  setLogLevel(level: string): ActionResult;
}
