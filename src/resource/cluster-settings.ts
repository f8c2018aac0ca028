import type { ServiceAccess } from "./access/access-policy.ts";
import type { HealthCheck } from "./health-check.ts";
import type { LoadBalancing } from "./load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "./load-balancing.ts";
import type { OutlierDetection } from "./outlier-detection.ts";
import type { HedgingPolicy, RetryBudgetSettings, RetryPolicy } from "./retry-policy.ts";
import { RETRY_DEFAULTS } from "./retry-policy.ts";

/** Limits in time beyond a client's own deadline, in ms; 0 is none. */
export interface Timeouts {
  /** A whole request; a shorter `grpc-timeout` counts instead. */
  readonly requestMs: number;
  /** A stream on which nothing moves in either direction. */
  readonly idleMs: number;
}

/** How much may be under way at once, per process; 0 is no limit. What is beyond fails at once or goes elsewhere. */
export interface CircuitLimits {
  /** Streams in flight at one endpoint, and in the whole cluster. */
  readonly maxRequestsPerEndpoint: number;
  readonly maxRequests: number;
  /** Streams after which a connection to an endpoint is replaced. */
  readonly maxRequestsPerConnection: number;
}

/**
 * What a cluster does beyond naming its endpoints; `null` is off. It travels within a snapshot as JSON and is read once per snapshot
 * by each worker: no hot path looks at it, each feature keeps what it needs.
 */
export interface ClusterSettings {
  readonly loadBalancing: LoadBalancing;
  readonly outlierDetection: OutlierDetection | null;
  readonly healthCheck: HealthCheck | null;
  readonly retries: RetryPolicy | null;
  readonly hedging: HedgingPolicy | null;
  readonly retryBudget: RetryBudgetSettings;
  readonly timeouts: Timeouts;
  readonly circuit: CircuitLimits;
  /** Who may connect to its endpoints, where policies of the network say so. */
  readonly access: ServiceAccess | null;
}

/** What applies where a cluster's source says nothing. */
export const CLUSTER_SETTINGS_DEFAULTS: ClusterSettings = {
  loadBalancing: LOAD_BALANCING_DEFAULTS,
  outlierDetection: null,
  healthCheck: null,
  retries: null,
  hedging: null,
  retryBudget: RETRY_DEFAULTS.budget,
  timeouts: { requestMs: 0, idleMs: 0 },
  circuit: { maxRequestsPerEndpoint: 0, maxRequests: 0, maxRequestsPerConnection: 0 },
  access: null,
};

/** @returns the defaults with these changes; those of load balancing are merged with its defaults. */
export function clusterSettings(
  changes: Omit<Partial<ClusterSettings>, "loadBalancing"> & {
    readonly loadBalancing?: Partial<LoadBalancing>;
  },
): ClusterSettings {
  const loadBalancing = { ...LOAD_BALANCING_DEFAULTS, ...changes.loadBalancing };
  return { ...CLUSTER_SETTINGS_DEFAULTS, ...changes, loadBalancing };
}
