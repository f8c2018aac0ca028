/** What a sidecar of a mesh is told. */
export interface SidecarOptions {
  /** Where it listens for its Pod's calls, and for calls to its Pod. */
  readonly address: string;
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** Services it knows, and endpoints of each; nobody listens at any but those of the first two. */
  readonly services: number;
  readonly endpoints: number;
  /** Ports of its Pod's own program, on 127.0.0.1, and of the endpoints of the first service. */
  readonly backendPorts: readonly number[];
  /** Sidecars of the endpoints of the second service: `address:port`. */
  readonly farSidecars: readonly string[];
}

/** The services that are called: past the sidecar of their endpoints, and through it. */
export const CALLED = { oneSided: "one.default:50051", bothSided: "both.default:50051" } as const;

const HTTP2 = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: {
      http2_protocol_options: {
        max_concurrent_streams: 1000,
        initial_stream_window_size: 1_048_576,
        initial_connection_window_size: 16_777_216,
      },
    },
  },
};

/**
 * A configuration of Envoy as meshes give it to a sidecar, as far as it counts: one listener with the routes of all services for what its Pod calls, one for what
 * calls its Pod, a cluster for each service with least requests, circuit breakers and outlier detection; no access log.
 */
export function sidecarConfiguration(of: SidecarOptions): object {
  const names = Array.from({ length: of.services }, (_, i) =>
    i === 0 ? CALLED.oneSided : i === 1 ? CALLED.bothSided : `service-${i}.default:50051`,
  );
  const local = of.backendPorts.map((port) => `127.0.0.1:${port}`);
  const clusters = names.map((name, i) =>
    cluster(name, i === 0 ? local : i === 1 ? of.farSidecars : elsewhere(i, of.endpoints)),
  );
  return {
    static_resources: {
      listeners: [
        listener(
          "outbound",
          of.address,
          of.outboundPort,
          names.map((name) => virtualHost(name, [name], name)),
        ),
        listener("inbound", of.address, of.inboundPort, [virtualHost("inbound", ["*"], "inbound")]),
      ],
      clusters: [...clusters, cluster("inbound", local)],
    },
  };
}

function elsewhere(service: number, count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `10.${100 + (service >> 8)}.${service & 255}.${i + 1}:50051`,
  );
}

function virtualHost(name: string, domains: readonly string[], to: string): object {
  return { name, domains, routes: [{ match: { prefix: "/" }, route: { cluster: to, timeout: "0s" } }] };
}

function listener(name: string, address: string, port: number, hosts: readonly object[]): object {
  const manager = {
    "@type":
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: name,
    codec_type: "AUTO",
    route_config: { name, virtual_hosts: hosts },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
  };
  return {
    name,
    address: { socket_address: { address, port_value: port } },
    filter_chains: [
      { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
    ],
  };
}

function cluster(name: string, endpoints: readonly string[]): object {
  const most = { max_connections: 10_000, max_pending_requests: 10_000, max_requests: 10_000 };
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    lb_policy: "LEAST_REQUEST",
    circuit_breakers: { thresholds: [most] },
    outlier_detection: { consecutive_5xx: 5 },
    typed_extension_protocol_options: HTTP2,
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: endpoints.map((each) => {
            const at = each.lastIndexOf(":");
            const place = { address: each.slice(0, at), port_value: Number(each.slice(at + 1)) };
            return { endpoint: { address: { socket_address: place } } };
          }),
        },
      ],
    },
  };
}
