/** What discovery says about an endpoint. `draining` ones finish their streams and get no new ones. */
export type EndpointHealth = "healthy" | "unhealthy" | "draining";

/** Health as the small number a snapshot stores. */
export const HEALTH_CODE = { healthy: 0, unhealthy: 1, draining: 2 } as const satisfies Record<
  EndpointHealth,
  number
>;

/** How octets travel to an endpoint: in clear text, or by TLS as one identity. */
export type EndpointTransport = "h2c" | `tls:${number}`;

/** @param tlsIdentity as a cluster has it; 0 for clear text. */
export function endpointTransport(tlsIdentity: number): EndpointTransport {
  return tlsIdentity === 0 ? "h2c" : `tls:${tlsIdentity}`;
}

/** Heaviest {@link Endpoint.weight}; the lightest is 1. Source: the range of Envoy's and gRPC's weighted policies. */
export const MAX_ENDPOINT_WEIGHT = 65_535;

/** What an {@link Endpoint} has where its source says nothing. */
export const ENDPOINT_DEFAULTS = {
  zone: "",
  region: "",
  node: "",
  priority: 0,
  labels: {},
  weight: 1,
  health: "healthy",
} as const satisfies Partial<Endpoint>;

/** One discovered place that serves a cluster. Immutable. */
export interface Endpoint {
  /** Its identity, made by {@link endpointKey}: equal keys are the same endpoint across updates. */
  readonly key: string;
  /** An IPv4 or IPv6 literal, never a name: the data plane does no DNS. */
  readonly address: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** The zone it runs in; "" when not known, which is nobody's own zone. */
  readonly zone: string;
  /** The region the zone is in; "" when not known. Default "". */
  readonly region: string;
  /** The node it runs on, as `node.id` names it; "" when not known. Default "". */
  readonly node: string;
  /** 0 is preferred; a higher one is used for what the lower ones cannot take. Default 0. */
  readonly priority: number;
  /** For routes that restrict a request to some endpoints. Default none. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its share relative to the other endpoints of the cluster: 1 to {@link MAX_ENDPOINT_WEIGHT}, default 1. */
  readonly weight: number;
  /** Default `healthy`. */
  readonly health: EndpointHealth;
}

/**
 * The identity of an endpoint. Addresses are reused within seconds, so where discovery knows the pod's UID that is
 * what counts, and a pod that comes back with the same address is a new endpoint. With another TLS identity it is a new one too:
 * no connection of one identity carries streams of another.
 *
 * @param identity the pod's UID, or the address where there is none.
 */
export function endpointKey(
  clusterName: string,
  identity: string,
  port: number,
  transport: EndpointTransport = "h2c",
): string {
  return `${keyPrefix(clusterName)}${identity}|${port}|${transport}`;
}

/** @returns what the {@link endpointKey}s of all endpoints of a cluster begin with. */
export function keyPrefix(clusterName: string): string {
  return `${clusterName}|`;
}
