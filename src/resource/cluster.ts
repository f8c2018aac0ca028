import type { Endpoint } from "./endpoint.ts";

/** Load-balancing policies, named as in xDS. */
export const LOAD_BALANCING_POLICIES = ["least_request", "round_robin", "random"] as const;

/** One of {@link LOAD_BALANCING_POLICIES}. */
export type LoadBalancingPolicy = (typeof LOAD_BALANCING_POLICIES)[number];

/** What a {@link Cluster} has where its source says nothing. */
export const CLUSTER_DEFAULTS = {
  policy: "least_request",
  connectTimeoutMs: 1000,
  maxConnectionsPerEndpoint: 4,
  maxPendingStreams: 1024,
} as const satisfies Omit<Cluster, "name" | "endpoints">;

/** A service and the endpoints that serve it. Immutable: an update is a new object. */
export interface Cluster {
  /** The `:authority` that selects it, port included. */
  readonly name: string;
  /** How an endpoint is picked for a stream. */
  readonly policy: LoadBalancingPolicy;
  /** Limit for TCP connect, TLS and the first SETTINGS together, in ms. */
  readonly connectTimeoutMs: number;
  /** Connections a worker opens to one endpoint when MAX_CONCURRENT_STREAMS fills the others; at least 1. */
  readonly maxConnectionsPerEndpoint: number;
  /** Streams that may wait for capacity; the next one is refused with RESOURCE_EXHAUSTED. 0 means none waits. */
  readonly maxPendingStreams: number;
  /** In the order of discovery, keys unique. May be empty. */
  readonly endpoints: readonly Endpoint[];
}
