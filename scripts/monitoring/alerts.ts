import { DST } from "./recording-rules.ts";

/** An alert with what whoever it wakes needs to know. */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it has to be so, as Prometheus writes durations. */
  readonly for: string;
  readonly severity: "critical" | "warning" | "info";
  /** One line with the labels' values. */
  readonly summary: string;
  /** What it means for users. */
  readonly meaning: string;
  /** What to look at and to do, in this order. */
  readonly steps: readonly string[];
}

const SERVICE = "{{ $labels.dst_namespace }}/{{ $labels.dst_service }}:{{ $labels.dst_port }}";
const RATIO = "{{ $value | humanizePercentage }}";

/** Burn rate of the budget for errors: how many times as fast as the objective allows. Source: Google SRE workbook, "Alerting on SLOs", multiwindow. */
function burn(factor: number, long: string, short: string): string {
  const above = (window: string): string =>
    `isobar:request_errors:ratio_rate${window} > on (${DST}) group_left () (${factor} * (1 - isobar:objective:success_ratio))`;
  return `(${above(long)})\nand on (${DST}) (${above(short)})`;
}

/** Alerts about services: what their callers notice. */
export const SERVICE_ALERTS: readonly Alert[] = [
  {
    name: "IsobarErrorRate",
    expr: `isobar:request_errors:ratio_rate5m > on (${DST}) group_left () isobar:objective:error_ratio\nand on (${DST}) isobar:requests:rate5m > 0.1`,
    for: "5m",
    severity: "critical",
    summary: `${RATIO} of the calls to ${SERVICE} fail`,
    meaning:
      "More calls fail by the service's fault than `slo.errorRate` of its TrafficPolicy allows (1 % where it says nothing).",
    steps: [
      '`sum by (response_flag, grpc_status) (rate(isobar_requests_total{dst_service="…", grpc_status!="OK"}[5m]))`: with flag `-` the service itself answered so; any other says what the proxy met ([metrics](metrics.md#labels), [errors](errors.md)).',
      "`isobar:endpoint_requests:rate5m` and `isobar_cp_endpoint_errors_total` by `endpoint`: one endpoint or all of them? One that fails can be set aside by `outlierDetection` ([health](health.md)).",
      "Compare with the time of the last rollout; `isobar audit` shows what changed ([audit](audit.md)).",
    ],
  },
  {
    name: "IsobarLatencyP95",
    expr: `isobar:request_duration:p95 > on (${DST}) group_left () isobar:objective:latency_p95_seconds\nand on (${DST}) isobar:requests:rate5m > 0.1`,
    for: "10m",
    severity: "warning",
    summary: `5 % of the calls to ${SERVICE} take longer than {{ $value | humanizeDuration }}`,
    meaning:
      "The 95th percentile is above `slo.p95` (200 ms where nothing is said). Streams that run for hours count when they end: set `slo.p95` for services that have such.",
    steps: [
      "`isobar:request_overhead:p99`: is it the proxy? If that is low it is the service or the way to it.",
      "`isobar:service_skew:max_over_mean`: is one endpoint much busier than the others? `isobar_streams_queued`: do calls wait for capacity?",
      "Endpoints of another zone: `isobar:cross_zone:ratio`, [zones](zones.md).",
    ],
  },
  {
    name: "IsobarLatencyMean",
    expr: `isobar:request_duration:mean > 0.1\nand on (${DST}) isobar:requests:rate5m > 0.1\nunless on (${DST}) isobar_slo_latency_p95_seconds`,
    for: "15m",
    severity: "info",
    summary: `calls to ${SERVICE} take {{ $value | humanizeDuration }} on average`,
    meaning: "The mean is above 100 ms, and nobody has said by `slo.p95` that this is meant.",
    steps: [
      "As for [IsobarLatencyP95](#isobarlatencyp95). If it is meant, say so by `slo.p95` of a TrafficPolicy: this alert then ends.",
    ],
  },
  {
    name: "IsobarSLOBurnFast",
    expr: burn(14.4, "1h", "5m"),
    for: "2m",
    severity: "critical",
    summary: `${SERVICE} uses its budget for errors more than 14 times as fast as it may`,
    meaning:
      "At this rate the errors that `slo.success` allows for 30 days (99.9 % where nothing is said) are used up within two days.",
    steps: ["As for [IsobarErrorRate](#isobarerrorrate)."],
  },
  {
    name: "IsobarSLOBurnSlow",
    expr: burn(6, "6h", "30m"),
    for: "15m",
    severity: "warning",
    summary: `${SERVICE} uses its budget for errors more than 6 times as fast as it may`,
    meaning: "At this rate the errors that `slo.success` allows for 30 days are used up within five days.",
    steps: ["As for [IsobarErrorRate](#isobarerrorrate); it is slower, and nobody has to get up for it."],
  },
  {
    name: "IsobarServiceSkewed",
    expr: `isobar:service_skew:max_over_mean > 1.3\nand on (${DST}) sum by (${DST}) (isobar:endpoint_requests:rate5m) > 50`,
    for: "10m",
    severity: "warning",
    summary: `the busiest endpoint of ${SERVICE} gets {{ $value | humanize }} times the mean`,
    meaning: "Load is uneven although calls are balanced one by one: some traffic is not, or it is meant.",
    steps: [
      "`isobar_spliced_connections_active`: TLS and other octets are balanced per connection ([clients](clients.md)).",
      "`isobar_capture_bypassed_connections`: connections that go past the proxy.",
      "Weights, `ring_hash` or `maglev`, `sticky` routes and zones make it uneven on purpose: `GET /clusters` has the policy, `isobar explain` a single pick ([explain](explain.md)).",
    ],
  },
  {
    name: "IsobarStreamsQueued",
    expr: `sum by (${DST}) (isobar_streams_queued) > 0`,
    for: "5m",
    severity: "warning",
    summary: `calls to ${SERVICE} wait because every endpoint is at its stream limit`,
    meaning:
      "MAX_CONCURRENT_STREAMS of the endpoints × `maxConnections` is used up; `maxPendingStreams` wait, the next fail.",
    steps: [
      "More endpoints, a higher limit of the servers', or more `connectionPool.tcp.maxConnections` ([retries](retries.md)).",
    ],
  },
  {
    name: "IsobarRetryBudgetExhausted",
    expr: `min by (${DST}) (isobar_retry_budget_remaining_ratio) < 0.1`,
    for: "5m",
    severity: "warning",
    summary: `calls to ${SERVICE} are hardly moved or retried any more`,
    meaning:
      "Endpoints refuse so much that the budget for moves and retries is used up; what they refuse fails from here on.",
    steps: [
      '`sum by (reason) (rate(isobar_retries_total{dst_service="…"}[5m]))` says why they are moved.',
      "Usually all endpoints restart or shed load at once: look at them first.",
    ],
  },
  {
    name: "IsobarProxyOverheadHigh",
    expr: `isobar:request_overhead:p99 > 0.002\nand on (${DST}) isobar:requests:rate5m > 1`,
    for: "10m",
    severity: "warning",
    summary: `1 % of the calls to ${SERVICE} spend more than {{ $value | humanizeDuration }} inside the proxy`,
    meaning: "The proxy itself is slow: it has too little CPU, or a connection has a great deal to say.",
    steps: [
      "`rate(isobar_worker_stall_seconds_sum[5m])` by `instance`: one node or all? CPU of that node, and of the proxy's cgroup (it should have no CPU limit).",
      "`isobar_overload_stage`: does it refuse for want of memory?",
    ],
  },
  {
    name: "IsobarBypassedConnections",
    expr: `sum by (${DST}) (isobar_capture_bypassed_connections) > 0`,
    for: "1h",
    severity: "info",
    summary: `{{ $value }} connections to ${SERVICE} go past the proxy`,
    meaning:
      "They are older than the capture, or were made while it failed open: balanced by kube-proxy, per connection.",
    steps: [
      "They end with their connections' lives, or are reclaimed little by little ([capture](capture.md)). If their number does not fall, look for pods that keep them for days.",
    ],
  },
];

/** Alerts about nodes: proxies and the capture beside them. */
export const NODE_ALERTS: readonly Alert[] = [
  {
    name: "IsobarDaemonDown",
    expr: `up{job="isobar-proxy"} == 0`,
    for: "2m",
    severity: "critical",
    summary: "the proxy of {{ $labels.instance }} does not answer",
    meaning:
      "Captured pods of the node are on kube-proxy's path by now (those that fail closed have none); clients that name the proxy by address have lost it.",
    steps: [
      "`kubectl -n isobar-system get pods -o wide`, `kubectl logs --previous`: exit code 70 is a fault of Isobar itself, 137 was memory ([cli](cli.md)).",
      "`isobar_thread_restarts_total` before it went.",
    ],
  },
  {
    name: "IsobarFailedOpen",
    expr: `increase(isobar_capture_fail_open_seconds_total[5m]) > 5`,
    for: "0m",
    severity: "warning",
    summary: "pods of {{ $labels.instance }} went past the proxy for {{ $value | humanizeDuration }}",
    meaning:
      "There were pods to capture, and no proxy that answered the canaries: their connections went the way they had without Isobar.",
    steps: [
      "`isobar_capture_alive` and `isobar_capture_current` of the node; the log of `isobar capture` says why the gate closed ([capture](capture.md)).",
      "During a restart of the node's only proxy some seconds are as they should be.",
    ],
  },
  {
    name: "IsobarCaptureInert",
    expr: "isobar_capture_inert == 1",
    for: "5m",
    severity: "warning",
    summary: "captured pods of {{ $labels.instance }} have traffic of which nothing comes to the proxy",
    meaning: "Something takes connections before the node's tables see them: a socket load balancer, a mesh.",
    steps: ["[capture.md](capture.md) lists who does that, and what to set there."],
  },
  {
    name: "IsobarSnapshotStale",
    expr: "isobar_xds_client_unconfirmed_resources > 0",
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} works with {{ $value }} resources from disk that nobody has confirmed",
    meaning: "It started without a control plane, and knows the cluster as it was before.",
    steps: ["As for [IsobarControlPlaneUnreachable](#isobarcontrolplaneunreachable)."],
  },
  {
    name: "IsobarControlPlaneUnreachable",
    expr: "isobar_xds_client_connected == 0",
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} has no stream to a control plane",
    meaning:
      "What it knows stays in force; new endpoints are not heard of, and those that left are known by their refusals only.",
    steps: [
      "Are replicas ready (`isobar_xds_server_synced`)? Does the proxy's log say why it is refused (`isobar_xds_server_refusals_total` by `reason`, [security](security.md))?",
      "NetworkPolicy or DNS between node and control plane.",
    ],
  },
  {
    name: "IsobarConfigRejected",
    expr: "isobar_config_last_reload_successful == 0",
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} runs on an older configuration: the last reload was refused",
    meaning:
      "The file has errors; the former configuration is in force until they are gone, and a restart would not start.",
    steps: ["The log names line and column; `isobar validate FILE` says the same."],
  },
  {
    name: "IsobarConfigNacked",
    expr: `sum by (instance) (isobar_xds_client_resources{state="refused"}) > 0`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} refuses {{ $value }} resources of the control plane",
    meaning: "Their newest version is not in force on this node, the last good one is.",
    steps: [
      "`GET /xds` of the proxy or `GET /xds/status` of the control plane have the reason. Versions that are far apart are the usual one.",
    ],
  },
  {
    name: "IsobarUpdateHeld",
    expr: "isobar_xds_client_held_back_endpoints > 0",
    for: "2m",
    severity: "warning",
    summary: "{{ $labels.instance }} keeps {{ $value }} endpoints that an update took away",
    meaning:
      "An update took most endpoints of a service away without saying that this is meant; they stay for `controlPlane.holdBack`.",
    steps: [
      "Is the service scaled down, or did its selector or readiness break? `kubectl get endpointslices` knows.",
      "If it is meant nothing has to be done: they go by themselves.",
    ],
  },
  {
    name: "IsobarWorkerStalled",
    // A thread that hangs is replaced within seconds, so that no heartbeat grows old: what is seen of it are restarts, and timers that run late.
    expr: `sum by (instance) (increase(isobar_thread_restarts_total[10m])) > 1\nor histogram_quantile(0.99, sum by (instance, le) (rate(isobar_worker_stall_seconds_bucket[5m]))) > 0.2`,
    for: "1m",
    severity: "critical",
    summary: "data-plane threads of {{ $labels.instance }} hang or die",
    meaning:
      "Threads died more than once in ten minutes, and their connections were lost; or one in a hundred of their timers is over 200 ms late, and calls wait as long.",
    steps: [
      "`isobar_thread_restarts_total` by `reason`: `out_of_memory` wants more memory, `crash` has a stack in the log, `hung` without CPU is the node's.",
      "Without restarts: has the node CPU left, and the proxy's cgroup a limit of it? `isobar_overload_stage` says whether memory is short.",
      "More than 5 in a minute end the process.",
    ],
  },
  {
    name: "IsobarMemoryNearLimit",
    expr: `sum by (instance) (isobar_memory_bytes{kind="slab_used"}) / sum by (instance) (isobar_memory_bytes{kind="slab_capacity"}) > 0.8\nor (sum by (instance) (isobar_overload_memory_bytes{kind="used"}) / (sum by (instance) (isobar_overload_memory_bytes{kind="limit"}) > 0)) > 0.8`,
    for: "5m",
    severity: "warning",
    summary: `{{ $labels.instance }} uses ${RATIO} of its memory`,
    meaning:
      "From 80 % of the container's limit on the callers that hold most are not read, from 90 % on new calls are refused.",
    steps: [
      "`isobar_overload_stage`, `isobar_streams_relieved_total`: somebody sends or asks for much and reads slowly.",
      "Raise the limit of the container, or `memory.budgetOctets`.",
    ],
  },
  {
    name: "IsobarTenantThrottled",
    expr: `sum by (instance) (rate(isobar_connections_refused_total{reason=~"caller_.*"}[5m])) > 0\nor isobar_overload_connections_paused > 0\nor sum by (instance, src_namespace) (rate(isobar_tenant_throttled_seconds_total[5m])) > 5`,
    for: "5m",
    severity: "warning",
    summary: "callers of {{ $labels.instance }} are held back",
    meaning:
      "Some source address is above what it may have, or is not read because it holds most of the memory; or calls of a namespace stand in line, five at any time. Others are not affected: that is what it is for.",
    steps: [
      "`sum by (src_namespace) (rate(isobar_tenant_throttled_seconds_total[5m]))`: whose calls stand in line; `isobar_streams_queued` names the service that has no room for them.",
      "The log names the address; `GET /callers` shows what each holds. `limits` in the [configuration](configuration.md) are per source address: raise them where many users share one.",
    ],
  },
  {
    name: "IsobarDrainOverrun",
    // Before the limit: with it the process ends, and nobody is there to be scraped.
    expr: "isobar_drain_age_seconds > 0.8 * isobar_drain_limit_seconds\nand isobar_drain_limit_seconds > 0",
    for: "0m",
    severity: "warning",
    summary:
      "{{ $labels.instance }} leaves for {{ $value | humanizeDuration }}: four fifths of what streams may take are over",
    meaning:
      "Streams that are still open get UNAVAILABLE when `drain.limitMs` has passed. A generation whose successor has its metrics port is not seen.",
    steps: [
      "Which service has streams that run this long? `isobar_streams_active` of this instance. Raise `drain.limitMs` and the Pod's `terminationGracePeriodSeconds` together.",
    ],
  },
  {
    name: "IsobarCertificateExpiring",
    expr: `isobar_tls_certificate_expiration_timestamp_seconds - time() < 0.2 * isobar_tls_certificate_lifetime_seconds\nor isobar_xds_server_certificate_expiration_timestamp_seconds - time() < 2 * 3600`,
    for: "15m",
    severity: "critical",
    summary: "a certificate of {{ $labels.instance }} expires in {{ $value | humanizeDuration }}",
    meaning:
      "Of a file of the proxy's less than a fifth of its life is left: issuers such as cert-manager renew when a third is. Or the control plane's own, which is renewed long before, expires within two hours.",
    steps: [
      'Files are read again when they change: renew them (`isobar_tls_certificate_reloads_total{result="failure"}`: they cannot be read).',
      "Of the control plane: its log says why its authority cannot issue; may it write its Secret?",
    ],
  },
  {
    name: "IsobarVersionSkew",
    expr: "count(count by (version) (isobar_build_info)) > 1",
    for: "2h",
    severity: "info",
    summary: "{{ $value }} versions of Isobar run",
    meaning: "An upgrade has stopped on its way, or was forgotten.",
    steps: ["`count by (version, job) (isobar_build_info)`. Neighbouring releases work with each other."],
  },
];

/** Alerts about the control plane. */
export const CONTROL_PLANE_ALERTS: readonly Alert[] = [
  {
    name: "IsobarControlPlaneNotReady",
    expr: `up{job="isobar-control-plane"} == 0\nor isobar_xds_server_synced == 0`,
    for: "5m",
    severity: "warning",
    summary: "the control plane's replica {{ $labels.instance }} serves nobody",
    meaning: "Others serve on; with none, proxies stay with what they know.",
    steps: [
      "Its log: it waits for the API server, for permissions, or for its Secret ([control plane](control-plane.md)).",
    ],
  },
  {
    name: "IsobarKubernetesUnreachable",
    expr: "isobar_kube_lost == 1",
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} does not hear from the API of cluster {{ $labels.cluster }}",
    meaning: "What is known of that cluster stays; changes are not heard of.",
    steps: ["`isobar_kube_errors_total` by `kind`, and the log."],
  },
  {
    name: "IsobarAuditNotWritten",
    expr: 'isobar_xds_server_audit_writing == 0\nor increase(isobar_xds_server_audit_records_total{result="lost"}[10m]) > 0',
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} cannot write its audit",
    meaning: "What happens now will not be found there later; serving goes on.",
    steps: ["The log says why: usually the volume is full ([audit](audit.md))."],
  },
];
