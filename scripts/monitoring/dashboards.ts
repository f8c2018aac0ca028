import type { Panel } from "./grafana-dashboard.ts";
import { grafanaDashboard } from "./grafana-dashboard.ts";
import { DST } from "./recording-rules.ts";

const SERVICE = `dst_namespace="$namespace", dst_service="$service"`;
const NAME = "{{dst_namespace}}/{{dst_service}}:{{dst_port}}";
const NODE = `instance="$instance"`;

const panel = (
  title: string,
  unit: Panel["unit"],
  expr: string,
  legend: string,
  more: Partial<Panel> = {},
): Panel => ({
  title,
  unit,
  targets: [{ expr, legend }],
  ...more,
});

const FLEET: readonly Panel[] = [
  panel("Proxies", "short", `count(up{job="isobar-proxy"} == 1)`, "up", { kind: "stat" }),
  panel("Calls per second", "reqps", "sum(isobar:requests:rate5m)", "calls", { kind: "stat" }),
  panel(
    "Share of calls that fail",
    "percentunit",
    `sum(isobar:request_errors:ratio_rate5m * isobar:requests:rate5m) / sum(isobar:requests:rate5m)`,
    "failed",
    { kind: "stat" },
  ),
  panel("Versions", "short", "count by (version) (isobar_build_info)", "{{version}}", { kind: "stat" }),
  panel("Busiest services", "reqps", "topk(10, isobar:requests:rate5m)", NAME),
  panel("Most failures", "percentunit", "topk(10, isobar:request_errors:ratio_rate5m)", NAME),
  panel("Most uneven services (max / mean)", "short", "topk(10, isobar:service_skew:max_over_mean)", NAME),
  panel("Slowest services (p95)", "s", "topk(10, isobar:request_duration:p95)", NAME),
  panel("Share of octets across zones", "percentunit", "topk(10, isobar:cross_zone:ratio)", NAME),
  panel("Time inside the proxy (p99)", "s", "topk(10, isobar:request_overhead:p99)", NAME),
  panel(
    "Calls per node",
    "reqps",
    "sum by (instance) (rate(isobar_streams_started_total[5m]))",
    "{{instance}}",
  ),
  panel(
    "Nodes without a control plane",
    "short",
    "count(isobar_xds_client_connected == 0) or vector(0)",
    "disconnected",
  ),
];

const SERVICE_PANELS: readonly Panel[] = [
  panel("Calls per second", "reqps", `sum(isobar:requests:rate5m{${SERVICE}})`, "calls"),
  panel(
    "By status and flag",
    "reqps",
    `sum by (grpc_status, response_flag) (rate(isobar_requests_total{${SERVICE}}[5m]))`,
    "{{grpc_status}} {{response_flag}}",
  ),
  {
    title: "Latency",
    unit: "s",
    targets: [
      { expr: `isobar:request_duration:p50{${SERVICE}}`, legend: "p50" },
      { expr: `isobar:request_duration:p95{${SERVICE}}`, legend: "p95" },
      { expr: `isobar:request_duration:p99{${SERVICE}}`, legend: "p99" },
      { expr: `isobar:objective:latency_p95_seconds{${SERVICE}}`, legend: "objective of p95" },
    ],
  },
  {
    title: "Failures and objective",
    unit: "percentunit",
    targets: [
      { expr: `isobar:request_errors:ratio_rate5m{${SERVICE}}`, legend: "failed" },
      { expr: `isobar:objective:error_ratio{${SERVICE}}`, legend: "objective" },
    ],
  },
  panel(
    "Calls per endpoint",
    "reqps",
    `isobar:endpoint_requests:rate5m{${SERVICE}}`,
    "{{endpoint}} {{dst_zone}}",
  ),
  {
    title: "Evenness",
    unit: "short",
    targets: [
      { expr: `isobar:service_skew:max_over_mean{${SERVICE}}`, legend: "max / mean" },
      { expr: `isobar:service_skew:cv{${SERVICE}}`, legend: "coefficient of variation" },
    ],
  },
  panel("In flight per endpoint", "short", `isobar:service_inflight_per_endpoint{${SERVICE}}`, "in flight"),
  panel("Endpoints by state", "short", `max by (state) (isobar_endpoints{${SERVICE}})`, "{{state}}"),
  panel(
    "Picks by tier",
    "reqps",
    `sum by (tier) (rate(isobar_tier_picks_total{${SERVICE}}[5m]))`,
    "{{tier}}",
  ),
  panel("Octets across zones", "percentunit", `isobar:cross_zone:ratio{${SERVICE}}`, "cross-zone"),
  panel(
    "Attempts per call",
    "short",
    `sum(rate(isobar_attempts_total{${SERVICE}}[5m])) / sum(isobar:requests:rate5m{${SERVICE}})`,
    "attempts",
  ),
  panel("Waiting for capacity", "short", `sum(isobar_streams_queued{${SERVICE}})`, "queued"),
  panel(
    "Callers",
    "reqps",
    `sum by (src_namespace) (rate(isobar_requests_total{${SERVICE}}[5m]))`,
    "{{src_namespace}}",
  ),
  panel("Time inside the proxy (p99)", "s", `isobar:request_overhead:p99{${SERVICE}}`, "overhead"),
];

const NODE_PANELS: readonly Panel[] = [
  panel("Calls per second", "reqps", `sum(rate(isobar_streams_started_total{${NODE}}[5m]))`, "calls"),
  panel("Services", "reqps", `topk(10, sum by (${DST}) (rate(isobar_requests_total{${NODE}}[5m])))`, NAME),
  panel(
    "Connections of clients",
    "short",
    `sum by (protocol) (isobar_downstream_connections{${NODE}})`,
    "{{protocol}}",
  ),
  panel("Connections to endpoints", "short", `sum(isobar_upstream_connections{${NODE}})`, "open"),
  panel("Memory", "bytes", `isobar_memory_bytes{${NODE}}`, "{{kind}}"),
  panel("Overload stage", "short", `isobar_overload_stage{${NODE}}`, "stage"),
  panel(
    "How late the workers' timers run (p99)",
    "s",
    `histogram_quantile(0.99, sum by (le) (rate(isobar_worker_stall_seconds_bucket{${NODE}}[5m])))`,
    "stall",
  ),
  panel("Age of heartbeats", "s", `isobar_worker_heartbeat_age_seconds{${NODE}}`, "worker {{worker}}"),
  panel(
    "Threads replaced",
    "short",
    `increase(isobar_thread_restarts_total{${NODE}}[1h])`,
    "{{thread}} {{reason}}",
  ),
  panel(
    "Connections refused",
    "reqps",
    `sum by (reason) (rate(isobar_connections_refused_total{${NODE}}[5m]))`,
    "{{reason}}",
  ),
  panel("Stream to the control plane", "short", `isobar_xds_client_connected{${NODE}}`, "connected"),
  panel(
    "Resources",
    "short",
    `sum by (type, state) (isobar_xds_client_resources{${NODE}})`,
    "{{type}} {{state}}",
  ),
  panel("Series of the scrape", "short", `isobar_metric_series{${NODE}}`, "lines"),
];

/** Shown where `capture` is configured: a proxy that captures nothing has no such series. */
const CAPTURE_PANELS: readonly Panel[] = [
  {
    title: "Capture",
    unit: "short",
    targets: [
      { expr: `isobar_capture_alive{${NODE}}`, legend: "alive" },
      { expr: `isobar_capture_current{${NODE}}`, legend: "current" },
      { expr: `isobar_capture_inert{${NODE}}`, legend: "inert" },
    ],
    needs: "capture",
  },
  panel(
    "Connections past the proxy",
    "short",
    `sum by (${DST}) (isobar_capture_bypassed_connections{${NODE}})`,
    NAME,
    { needs: "capture" },
  ),
  panel("Time failed open", "s", `increase(isobar_capture_fail_open_seconds_total{${NODE}}[5m])`, "open", {
    needs: "capture",
  }),
];

const CONTROL_PLANE: readonly Panel[] = [
  panel("Ready", "short", "isobar_xds_server_synced", "{{instance}}", { kind: "stat" }),
  panel("Services", "short", "max(isobar_xds_server_services)", "services", { kind: "stat" }),
  panel("Endpoints", "short", "max(isobar_xds_server_endpoints)", "endpoints", { kind: "stat" }),
  panel("Proxies of the fleet", "short", "max(isobar_xds_server_fleet_proxies)", "proxies", { kind: "stat" }),
  panel(
    "Streams",
    "short",
    "sum by (client, transport) (isobar_xds_server_streams)",
    "{{client}} {{transport}}",
  ),
  panel("Responses", "ops", "sum by (type) (rate(isobar_xds_server_responses_total[5m]))", "{{type}}"),
  panel("Sent", "Bps", "sum by (type) (rate(isobar_xds_server_sent_bytes_total[5m]))", "{{type}}"),
  panel(
    "Time until clients answer (p99)",
    "s",
    "histogram_quantile(0.99, sum by (le) (rate(isobar_xds_server_answer_seconds_bucket[5m])))",
    "answer",
  ),
  panel("Refused now", "short", "sum by (client) (isobar_xds_server_refused_resources)", "{{client}}"),
  panel("Clients that report load", "short", "sum(isobar_xds_server_load_reporters)", "reporters"),
  panel(
    "Reports of load",
    "ops",
    "sum by (client) (rate(isobar_xds_server_load_reports_total[5m]))",
    "{{client}}",
  ),
  panel("Memory", "bytes", `isobar_memory_bytes{job="isobar-control-plane"}`, "{{instance}} {{kind}}"),
  panel(
    "Last word of watches",
    "s",
    "max by (cluster, kind) (isobar_kube_last_event_age_seconds)",
    "{{cluster}} {{kind}}",
    { needs: "kubernetes" },
  ),
  panel("Changes not taken up", "short", "isobar_kube_queue_depth", "{{cluster}}", { needs: "kubernetes" }),
];

/** A dashboard and the file it is written to. */
export const DASHBOARDS = [
  {
    file: "fleet.json",
    panels: FLEET,
    dashboard: grafanaDashboard("isobar-fleet", "Isobar / Fleet", FLEET, []),
  },
  {
    file: "service.json",
    panels: SERVICE_PANELS,
    dashboard: grafanaDashboard("isobar-service", "Isobar / Service", SERVICE_PANELS, [
      { name: "namespace", query: "label_values(isobar:requests:rate5m, dst_namespace)" },
      {
        name: "service",
        query: `label_values(isobar:requests:rate5m{dst_namespace="$namespace"}, dst_service)`,
      },
    ]),
  },
  {
    file: "node.json",
    panels: [...NODE_PANELS, ...CAPTURE_PANELS],
    dashboard: grafanaDashboard(
      "isobar-node",
      "Isobar / Node",
      [...NODE_PANELS, ...CAPTURE_PANELS],
      [{ name: "instance", query: "label_values(isobar_streams_started_total, instance)" }],
    ),
  },
  {
    file: "control-plane.json",
    panels: CONTROL_PLANE,
    dashboard: grafanaDashboard("isobar-control-plane", "Isobar / Control plane", CONTROL_PLANE, []),
  },
] as const;
