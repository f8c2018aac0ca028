import type { ClusterSettings } from "./cluster-settings.ts";
import { CLUSTER_SETTINGS_DEFAULTS } from "./cluster-settings.ts";
import type { NamedTls } from "./cluster-tls.ts";
import type { Endpoint } from "./endpoint.ts";

/** What an endpoint speaks: HTTP/2 (gRPC), HTTP/1.1, or something that is only passed on, octet by octet. */
export const CLUSTER_PROTOCOLS = ["http2", "http1", "tcp"] as const;

/** One of {@link CLUSTER_PROTOCOLS}. */
export type ClusterProtocol = (typeof CLUSTER_PROTOCOLS)[number];

/**
 * What becomes of HTTP/1.1 requests, named as in Istio's DestinationRule: by `DEFAULT` their connection is passed on
 * unchanged; `UPGRADE` and `DO_NOT_UPGRADE` handle each request, sent on as HTTP/2 where the endpoint speaks it, or as HTTP/1.1.
 */
export const H2_UPGRADE_POLICIES = ["DEFAULT", "UPGRADE", "DO_NOT_UPGRADE"] as const;

/** One of {@link H2_UPGRADE_POLICIES}. */
export type H2UpgradePolicy = (typeof H2_UPGRADE_POLICIES)[number];

/** What a {@link Cluster} has where its source says nothing. */
export const CLUSTER_DEFAULTS = {
  connectTimeoutMs: 1000,
  maxConnectionsPerEndpoint: 4,
  maxPendingStreams: 1024,
  protocol: "http2",
  h2UpgradePolicy: "DEFAULT",
  keepaliveTimeMs: 10_000,
  keepaliveTimeoutMs: 20_000,
  tlsIdentity: 0,
  settings: CLUSTER_SETTINGS_DEFAULTS,
} as const satisfies Omit<Cluster, "name" | "endpoints">;

/** A service and the endpoints that serve it. Immutable: an update is a new object. */
export interface Cluster {
  /** The `:authority` that selects it, port included. */
  readonly name: string;
  /** Limit for TCP connect, TLS and the first SETTINGS together, in ms. */
  readonly connectTimeoutMs: number;
  /**
   * Connections a worker opens to one endpoint when MAX_CONCURRENT_STREAMS fills the others. 0: none is opened, those that stand are used; endpoints that
   * nobody has confirmed for too long are had like this, because by now an address may be somebody else's.
   */
  readonly maxConnectionsPerEndpoint: number;
  /** Streams that may wait for capacity; the next one is refused with RESOURCE_EXHAUSTED. 0 means none waits. */
  readonly maxPendingStreams: number;
  readonly protocol: ClusterProtocol;
  readonly h2UpgradePolicy: H2UpgradePolicy;
  /** How long an endpoint with streams open may be silent before it is sent a PING, in ms; 0 for never. */
  readonly keepaliveTimeMs: number;
  /** How long the answer may take before the connection is given up, in ms. */
  readonly keepaliveTimeoutMs: number;
  /** Which TLS identity its connections use, as the daemon numbers them; 0 for clear text. Part of the pool key. */
  readonly tlsIdentity: number;
  /** What that identity is made of, where a control plane said so; what the file has is known by its number alone. */
  readonly tls?: NamedTls;
  readonly settings: ClusterSettings;
  /** In the order of discovery, keys unique. May be empty. */
  readonly endpoints: readonly Endpoint[];
}
