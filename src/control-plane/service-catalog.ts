import type { MetricDefinition } from "../telemetry/metric-catalog.ts";

const DST = ["dst_namespace", "dst_service", "dst_port"] as const;
const ENDPOINT = [...DST, "endpoint", "dst_zone"] as const;

/** What the control plane alone can say of services, once per cluster; docs/control-plane.md describes it. */
export const SERVICE_METRIC = {
  endpointRequests: {
    name: "isobar_cp_endpoint_requests_total",
    type: "counter",
    help: "Requests that callers have begun at an endpoint, as they report.",
    labelNames: ENDPOINT,
  },
  endpointErrors: {
    name: "isobar_cp_endpoint_errors_total",
    type: "counter",
    help: "Requests that ended in an error at an endpoint, as callers report.",
    labelNames: ENDPOINT,
  },
  endpointInFlight: {
    name: "isobar_cp_endpoint_inflight",
    type: "gauge",
    help: "Requests that callers have in flight at an endpoint, as they report.",
    labelNames: ENDPOINT,
  },
  endpointsLeftOut: {
    name: "isobar_cp_services_without_endpoint_series",
    type: "gauge",
    help: "Services with reports of load whose endpoints find no room among the series.",
    labelNames: [],
  },
  sloP95: {
    name: "isobar_slo_latency_p95_seconds",
    type: "gauge",
    help: "What 95 % of a service's requests are to be answered within, where its policy says so.",
    labelNames: DST,
  },
  sloErrorRate: {
    name: "isobar_slo_error_ratio",
    type: "gauge",
    help: "Share of a service's requests that may fail, where its policy says so.",
    labelNames: DST,
  },
  sloSuccess: {
    name: "isobar_slo_success_ratio",
    type: "gauge",
    help: "Share of a service's requests that are to succeed, where its policy says so.",
    labelNames: DST,
  },
} as const satisfies Record<string, MetricDefinition>;
