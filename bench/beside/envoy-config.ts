import type { EnvoyVariant } from "./envoy-variants.ts";
import { AUTHORITY, CONNECT_TIMEOUT_MS, KEEPALIVE, REQUEST_TIMEOUT_MS } from "./limits.ts";

const CLUSTER = "work";
const API = "type.googleapis.com/envoy";
const RETRY_BUDGET = { budget_percent: { value: 20 }, min_retry_concurrency: 10 };

/** Envoy's configuration with that cluster. @param endpoints file with {@link envoyEndpoints}. */
export function envoyConfig(port: number, { cluster, route }: EnvoyVariant, endpoints: string): object {
  const manager = {
    "@type": `${API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "local",
    codec_type: "HTTP2",
    http2_protocol_options: HTTP2,
    route_config: {
      name: "local",
      virtual_hosts: [
        {
          name: "work",
          domains: [AUTHORITY],
          routes: [
            {
              match: { prefix: "/" },
              route: { cluster: CLUSTER, timeout: `${REQUEST_TIMEOUT_MS / 1000}s`, ...route },
            },
          ],
        },
      ],
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
      clusters: [{ ...clusterWith(endpoints), ...cluster }],
    },
  };
}

const HTTP2 = {
  max_concurrent_streams: 1000,
  initial_stream_window_size: 1_048_576,
  initial_connection_window_size: 16_777_216,
};

function clusterWith(endpoints: string): object {
  return {
    name: CLUSTER,
    type: "EDS",
    eds_cluster_config: {
      eds_config: {
        resource_api_version: "V3",
        path_config_source: { path: endpoints },
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
  };
}

/** What Envoy reads its endpoints from. */
export function envoyEndpoints(addresses: readonly string[]): object {
  const endpoints = addresses.map((text) => {
    const [address, port] = text.split(":");
    return { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } };
  });
  return {
    resources: [
      {
        "@type": `${API}.config.endpoint.v3.ClusterLoadAssignment`,
        cluster_name: CLUSTER,
        endpoints: [{ lb_endpoints: endpoints }],
      },
    ],
  };
}
