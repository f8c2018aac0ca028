/** One recording rule, as Prometheus has it. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  /** What it is for; a comment in the file. */
  readonly doc: string;
}

/** The labels that say which service it is about. */
export const DST = "dst_namespace, dst_service, dst_port";

/** Statuses that say that a server, or the way to it, is broken; not what callers did wrong, gave up, or set too short a deadline for. */
const FAULTS = "UNAVAILABLE|INTERNAL|UNKNOWN|DATA_LOSS";
/** Requests that no service was found for are nobody's, and have their own labels. */
const SERVED = `dst_service!="unknown"`;

/** What a service promises where its TrafficPolicy says nothing. */
export const DEFAULT_OBJECTIVES = {
  p95Seconds: 0.2,
  meanSeconds: 0.1,
  errorRatio: 0.01,
  successRatio: 0.999,
} as const;

const rate = (metric: string, window: string): string => `sum by (${DST}) (rate(${metric}[${window}]))`;

function errorRatio(window: string): RecordingRule {
  const failed = rate(`isobar_requests_total{grpc_status=~"${FAULTS}", ${SERVED}}`, window);
  const all = rate(`isobar_requests_total{${SERVED}}`, window);
  return {
    record: `isobar:request_errors:ratio_rate${window}`,
    expr: `(${failed} or 0 * ${all})\n/ (${all} > 0)`,
    doc: `Share of the calls that failed by the service's fault, over ${window}; 0 where none did.`,
  };
}

/** A service's objective: the greatest that any replica tells, else the default for each service that is called. */
function objective(record: string, metric: string, fallback: number, doc: string): RecordingRule {
  return {
    record,
    expr: `max by (${DST}) (${metric})\nor (0 * isobar:requests:rate5m + ${fallback})`,
    doc,
  };
}

function quantile(record: string, metric: string, q: number, doc: string): RecordingRule {
  const buckets = `sum by (le, ${DST}) (rate(${metric}_bucket{${SERVED}}[5m]))`;
  return { record, expr: `histogram_quantile(${q}, ${buckets})`, doc };
}

/** All recording rules; a rule may use those before it. */
export const RECORDING_RULES: readonly RecordingRule[] = [
  {
    record: "isobar:requests:rate5m",
    expr: rate(`isobar_requests_total{${SERVED}}`, "5m"),
    doc: "Calls per second by service.",
  },
  errorRatio("5m"),
  errorRatio("30m"),
  errorRatio("1h"),
  errorRatio("6h"),
  quantile(
    "isobar:request_duration:p50",
    "isobar_request_duration_seconds",
    0.5,
    "Latency, half of the calls.",
  ),
  quantile(
    "isobar:request_duration:p95",
    "isobar_request_duration_seconds",
    0.95,
    "Latency, 95 % of the calls.",
  ),
  quantile(
    "isobar:request_duration:p99",
    "isobar_request_duration_seconds",
    0.99,
    "Latency, 99 % of the calls.",
  ),
  {
    record: "isobar:request_duration:mean",
    expr: `${rate(`isobar_request_duration_seconds_sum{${SERVED}}`, "5m")}\n/ (${rate(`isobar_request_duration_seconds_count{${SERVED}}`, "5m")} > 0)`,
    doc: "Mean latency.",
  },
  quantile(
    "isobar:request_overhead:p99",
    "isobar_request_overhead_seconds",
    0.99,
    "Time inside the proxy, 99 % of the calls.",
  ),
  objective(
    "isobar:objective:latency_p95_seconds",
    "isobar_slo_latency_p95_seconds",
    DEFAULT_OBJECTIVES.p95Seconds,
    "slo.p95 of the service's TrafficPolicy.",
  ),
  objective(
    "isobar:objective:error_ratio",
    "isobar_slo_error_ratio",
    DEFAULT_OBJECTIVES.errorRatio,
    "slo.errorRate.",
  ),
  objective(
    "isobar:objective:success_ratio",
    "isobar_slo_success_ratio",
    DEFAULT_OBJECTIVES.successRatio,
    "slo.success.",
  ),
  {
    record: "isobar:endpoint_requests:rate5m",
    expr: `sum by (${DST}, endpoint, dst_zone) (rate(isobar_cp_endpoint_requests_total[5m]))`,
    doc: "Calls per second by endpoint, of all replicas of the control plane together.",
  },
  {
    record: "isobar:service_skew:max_over_mean",
    expr: `max by (${DST}) (isobar:endpoint_requests:rate5m)\n/ (avg by (${DST}) (isobar:endpoint_requests:rate5m) > 0)`,
    doc: "How much more the busiest endpoint gets than the mean: 1 is even.",
  },
  {
    record: "isobar:service_skew:cv",
    expr: `stddev by (${DST}) (isobar:endpoint_requests:rate5m)\n/ (avg by (${DST}) (isobar:endpoint_requests:rate5m) > 0)`,
    doc: "Coefficient of variation over the endpoints: 0 is even.",
  },
  {
    record: "isobar:service_inflight",
    expr: `sum by (${DST}) (isobar_streams_active)`,
    doc: "Calls in flight, all proxies together: what autoscaling goes by.",
  },
  {
    record: "isobar:service_inflight_per_endpoint",
    expr: `isobar:service_inflight\n/ (max by (${DST}) (isobar_endpoints{state="healthy"}) > 0)`,
    doc: "The same per healthy endpoint.",
  },
  {
    record: "isobar:cross_zone:ratio",
    expr: `(${rate(`isobar_bytes_total{locality="cross_zone"}`, "5m")} or 0 * ${rate("isobar_bytes_total", "5m")})\n/ (${rate("isobar_bytes_total", "5m")} > 0)`,
    doc: "Share of the octets that cross zones.",
  },
];
