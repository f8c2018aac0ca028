import type { EnvoyVariant } from "./envoy-variants.ts";
import { CONNECT_TIMEOUT_MS, KEEPALIVE, REQUEST_TIMEOUT_MS } from "./limits.ts";

/** Where a contender's endpoints stand. */
export interface NamedEndpoints {
  /** Name of the cluster, and the authority that selects it. */
  readonly name: string;
  readonly addresses: readonly string[];
}

const API = "type.googleapis.com/envoy";
const RETRY_BUDGET = { budget_percent: { value: 20 }, min_retry_concurrency: 10 };

/** Envoy's configuration: a cluster for each variant, selected by the authority. @param folder where the endpoints' files are. */
export function envoyConfig(port: number, variants: readonly EnvoyVariant[], folder: string): object {
  const manager = {
    "@type": `${API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "local",
    codec_type: "HTTP2",
    http2_protocol_options: HTTP2,
    route_config: {
      name: "local",
      virtual_hosts: variants.map(({ name, route }) => ({
        name,
        domains: [authorityOf(name)],
        routes: [
          {
            match: { prefix: "/" },
            route: { cluster: authorityOf(name), timeout: `${REQUEST_TIMEOUT_MS / 1000}s`, ...route },
          },
        ],
      })),
    },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": `${API}.extensions.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    // What files are read by wants to know whose they are.
    node: { id: "beside", cluster: "beside" },
    static_resources: {
      listeners: [
        {
          name: "local",
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [
            {
              filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }],
            },
          ],
        },
      ],
      clusters: variants.map((variant) => cluster(variant, folder)),
    },
  };
}

const HTTP2 = {
  max_concurrent_streams: 1000,
  initial_stream_window_size: 1_048_576,
  initial_connection_window_size: 16_777_216,
};

function cluster({ name, cluster }: EnvoyVariant, folder: string): object {
  return {
    name: authorityOf(name),
    type: "EDS",
    eds_cluster_config: {
      eds_config: {
        resource_api_version: "V3",
        path_config_source: { path: endpointsFile(folder, name) },
      },
    },
    connect_timeout: `${CONNECT_TIMEOUT_MS / 1000}s`,
    circuit_breakers: {
      thresholds: [
        {
          max_connections: 10_000,
          max_pending_requests: 10_000,
          max_requests: 10_000,
          retry_budget: RETRY_BUDGET,
        },
      ],
    },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": `${API}.extensions.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: {
          http2_protocol_options: {
            ...HTTP2,
            connection_keepalive: {
              interval: `${KEEPALIVE.timeMs / 1000}s`,
              timeout: `${KEEPALIVE.timeoutMs / 1000}s`,
            },
          },
        },
      },
    },
    ...cluster,
  };
}

/** The authority by which clients of a contender ask. */
export function authorityOf(name: string): string {
  return `${name.replaceAll(" ", "-")}.beside`;
}

/** Where Envoy looks for a cluster's endpoints. */
export function endpointsFile(folder: string, name: string): string {
  return `${folder}/${authorityOf(name)}.json`;
}

/** The content of {@link endpointsFile}. */
export function envoyEndpoints({ name, addresses }: NamedEndpoints): object {
  return {
    resources: [
      {
        "@type": `${API}.config.endpoint.v3.ClusterLoadAssignment`,
        cluster_name: authorityOf(name),
        endpoints: [
          {
            lb_endpoints: addresses.map((text) => {
              const [address, port] = text.split(":");
              return {
                endpoint: { address: { socket_address: { address, port_value: Number(port) } } },
              };
            }),
          },
        ],
      },
    ],
  };
}
