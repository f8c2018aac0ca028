/** What a metric is, apart from its values. Its row in docs/metrics.md says the same at more length. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** All labels a series of it has, but for a histogram's `le`. */
  readonly labelNames: readonly string[];
}

/** The labels that say which service a request was for. */
const DST = ["dst_namespace", "dst_service", "dst_port"] as const;

/** Every metric there is: the exposition has these, and docs/metrics.md describes these, and no other. */
export const METRIC = {
  requests: counter("isobar_requests_total", "Finished requests.", [
    ...DST,
    "grpc_status",
    "src_namespace",
    "response_flag",
  ]),
  tenantThrottled: counter(
    "isobar_tenant_throttled_seconds_total",
    "Time that calls of a namespace stood in line for an endpoint with room.",
    ["src_namespace"],
  ),
  requestDuration: histogram(
    "isobar_request_duration_seconds",
    "First request octet to last response octet.",
    DST,
  ),
  requestOverhead: histogram(
    "isobar_request_overhead_seconds",
    "Time of a request spent inside the proxy.",
    DST,
  ),
  attempts: counter(
    "isobar_attempts_total",
    "Streams opened towards endpoints, moves and retries included.",
    DST,
  ),
  retries: counter("isobar_retries_total", "Streams sent to another endpoint.", [...DST, "reason"]),
  retryResults: counter(
    "isobar_retry_results_total",
    "What became of requests that were to be sent once more by policy.",
    [...DST, "result"],
  ),
  perTryTimeouts: counter(
    "isobar_per_try_timeouts_total",
    "Attempts given up because no answer began in time.",
    DST,
  ),
  circuitOverflows: counter(
    "isobar_circuit_overflows_total",
    "Times a limit in number kept a request from an endpoint.",
    [...DST, "limit"],
  ),
  connectionsReplaced: counter(
    "isobar_upstream_connections_replaced_total",
    "Connections that had carried as many streams as they may.",
    DST,
  ),
  retryBudget: gauge("isobar_retry_budget_remaining_ratio", "Share of the retry budget that is left.", DST),
  tierPicks: counter(
    "isobar_tier_picks_total",
    "Picks by how near the endpoints were that could be picked.",
    [...DST, "tier"],
  ),
  subsetOverflows: counter(
    "isobar_subset_overflows_total",
    "Picks for which endpoints beyond the proxy's subset were drawn, because those of the subset were busy.",
    DST,
  ),
  spilledShare: gauge(
    "isobar_spilled_share_ratio",
    "Share of the requests that is sent further because of the load of nearer endpoints.",
    DST,
  ),
  tierLoadRatio: gauge(
    "isobar_tier_load_ratio",
    "Load of the nearest endpoints relative to those further away.",
    DST,
  ),
  panic: gauge("isobar_panic", "Whether health is ignored because too few endpoints are healthy.", DST),
  candidates: gauge("isobar_candidates", "Endpoints that this proxy may pick.", DST),
  streamsStarted: counter("isobar_streams_started_total", "Requests that have begun.", []),
  drainAge: gauge(
    "isobar_drain_age_seconds",
    "Time since the process began to leave; 0 while it does not.",
    [],
  ),
  drainLimit: gauge("isobar_drain_limit_seconds", "What streams may take when the process leaves.", []),
  generation: gauge("isobar_generation", "Whether new captured connections come to this generation.", [
    "generation",
  ]),
  formerGenerations: gauge(
    "isobar_former_generations_alive",
    "Older proxies of the node that have not left yet.",
    [],
  ),
  formerStreams: gauge(
    "isobar_former_generations_open_streams",
    "Streams under way in older proxies of the node.",
    [],
  ),
  captureAlive: gauge("isobar_capture_alive", "Whether isobar capture runs on this node.", []),
  captureCurrent: gauge(
    "isobar_capture_current",
    "Whether new captured connections come to this process.",
    [],
  ),
  captureInert: gauge(
    "isobar_capture_inert",
    "Whether captured pods have traffic of which nothing comes to the proxy.",
    [],
  ),
  captureConnections: counter(
    "isobar_capture_connections_total",
    "Connections that were led to a proxy of this node.",
    [],
  ),
  captureBypassed: gauge(
    "isobar_capture_bypassed_connections",
    "Open connections of captured pods that go past the proxy.",
    DST,
  ),
  captureReclaimed: counter(
    "isobar_capture_reclaimed_connections_total",
    "Connections that went past the proxy and were reset, so that they come back through it.",
    [],
  ),
  captureRefused: counter(
    "isobar_capture_refused_connections_total",
    "Connections of pods that fail closed, refused while no proxy worked.",
    [],
  ),
  captureFailOpen: counter(
    "isobar_capture_fail_open_seconds_total",
    "Time in which there were pods to capture and their connections went past the proxy.",
    [],
  ),
  explainRecords: counter("isobar_explain_records_total", "Picks of the sample that is recorded.", [
    "result",
  ]),
  explainRequests: counter(
    "isobar_explain_requests_total",
    "Requests whose client asked how they were picked for.",
    ["result"],
  ),
  streamsActive: gauge("isobar_streams_active", "Streams picked and not finished.", DST),
  streamsQueued: gauge("isobar_streams_queued", "Streams waiting for capacity of an endpoint.", DST),
  streamQueueTime: histogram("isobar_stream_queue_seconds", "Waiting time of streams that had to wait.", DST),
  bytes: counter("isobar_bytes_total", "Octets of message data.", [...DST, "direction", "locality"]),
  splicedActive: gauge(
    "isobar_spliced_connections_active",
    "Open connections that are balanced as a whole, not per request.",
    DST,
  ),
  splicedConnections: counter(
    "isobar_spliced_connections_total",
    "Connections that were balanced as a whole, not per request.",
    DST,
  ),
  splicedBytes: counter("isobar_spliced_bytes_total", "Octets of connections balanced as a whole.", [
    ...DST,
    "direction",
    "locality",
  ]),
  upstreamConnections: gauge("isobar_upstream_connections", "Open connections to endpoints.", DST),
  upstreamConnectFailures: counter(
    "isobar_upstream_connect_failures_total",
    "Connections that did not come about.",
    DST,
  ),
  loadReports: counter("isobar_load_reports_total", "Reports of load that came from endpoints.", [
    ...DST,
    "kind",
    "result",
  ]),
  loadReportStreams: gauge(
    "isobar_load_report_streams",
    "Open streams on which endpoints report their load.",
    DST,
  ),
  loadReportAge: gauge(
    "isobar_load_report_age_seconds",
    "Age of the oldest among the endpoints' last reports of load.",
    DST,
  ),
  http1Responses: counter(
    "isobar_http_responses_total",
    "Answers to plain HTTP/1.1 requests that were handled one by one.",
    [...DST, "code_class"],
  ),
  upstreamTlsFailures: counter(
    "isobar_upstream_tls_failures_total",
    "Connections that TLS kept from coming about.",
    [...DST, "reason"],
  ),
  upstreamDisconnects: counter("isobar_upstream_disconnects_total", "Connections to endpoints that ended.", [
    ...DST,
    "grpc_disconnect_error",
  ]),
  routeRequests: counter("isobar_route_requests_total", "Requests that a route decided.", ["route", ...DST]),
  routeFallbacks: counter(
    "isobar_route_fallbacks_total",
    "Requests whose route asks for labels that no endpoint has.",
    ["route", ...DST, "result"],
  ),
  routeMirrors: counter("isobar_route_mirrors_total", "Copies of requests, and what became of them.", [
    "route",
    ...DST,
    "result",
  ]),
  endpoints: gauge("isobar_endpoints", "Known endpoints.", [...DST, "state"]),
  endpointsSetAside: gauge("isobar_endpoints_set_aside", "Endpoints that get nothing new, by reason.", [
    ...DST,
    "reason",
  ]),
  ejections: counter("isobar_outlier_ejections_total", "Endpoints ejected by outlier detection.", [
    ...DST,
    "reason",
  ]),
  ejectionsRefused: counter(
    "isobar_outlier_ejections_overflow_total",
    "Endpoints not ejected because too many were.",
    DST,
  ),
  healthChecks: counter("isobar_health_checks_total", "Active health checks of endpoints.", [
    ...DST,
    "result",
  ]),
  downstreamConnections: gauge("isobar_downstream_connections", "Open connections of clients.", ["protocol"]),
  floodClosed: counter("isobar_flood_closed_total", "Connections closed on peers that flooded them.", [
    "attack",
  ]),
  policiesDropped: counter(
    "isobar_policies_dropped_total",
    "Policies of one's own that a worker dropped for least_request.",
    ["reason"],
  ),
  resetsSuppressed: counter(
    "isobar_upstream_resets_suppressed_total",
    "Cancelled streams read to their end instead of reset, to keep below what servers punish.",
    [],
  ),
  protocolErrors: counter(
    "isobar_protocol_errors_total",
    "Connections ended for a protocol error of the peer.",
    ["peer", "error_code"],
  ),
  connectionsRefused: counter(
    "isobar_connections_refused_total",
    "Connections closed when accepted, or before it was known what they are for.",
    ["reason"],
  ),
  connectRequests: counter("isobar_connect_requests_total", "Requests for a tunnel.", ["result"]),
  acceptErrors: counter("isobar_accept_errors_total", "Times a connection could not be accepted.", []),
  connectionsClosed: counter(
    "isobar_connections_closed_total",
    "Connections of clients that a limit of time or memory has ended.",
    ["reason"],
  ),
  callers: gauge("isobar_callers", "Source addresses that have connections, or flooded some lately.", []),
  keepalivePings: counter("isobar_keepalive_pings_total", "PINGs sent to silent peers.", ["peer"]),
  keepaliveTimeouts: counter(
    "isobar_keepalive_timeouts_total",
    "Connections given up because a PING was not answered.",
    ["peer"],
  ),
  streamsRelieved: counter(
    "isobar_streams_relieved_total",
    "Streams given up because their caller held most of a full octet budget.",
    [],
  ),
  overloadStage: gauge("isobar_overload_stage", "0 to 3: what the memory limit makes necessary.", []),
  overloadMemory: gauge("isobar_overload_memory_bytes", "Memory as the overload manager sees it.", ["kind"]),
  overloadPaused: gauge("isobar_overload_connections_paused", "Connections not read for want of memory.", []),
  overloadActions: counter("isobar_overload_actions_total", "What was done for want of memory.", ["action"]),
  workerStall: histogram("isobar_worker_stall_seconds", "How late the timer of a worker ran.", []),
  workerHeartbeatAge: gauge("isobar_worker_heartbeat_age_seconds", "Time since the timer of a worker ran.", [
    "worker",
  ]),
  heapAllocated: counter(
    "isobar_worker_heap_allocated_bytes_total",
    "Allocations of the data-plane threads on their JavaScript heaps.",
    [],
  ),
  threadRestarts: counter("isobar_thread_restarts_total", "Threads that died and were replaced.", [
    "thread",
    "reason",
  ]),
  memory: gauge("isobar_memory_bytes", "Memory by what holds it.", ["kind"]),
  snapshotAge: gauge("isobar_snapshot_age_seconds", "Time since the snapshot in force was loaded.", []),
  snapshotInfo: gauge("isobar_snapshot_info", "1 for the version of the snapshot in force.", ["version"]),
  configReloads: counter("isobar_config_reloads_total", "Attempts to load the configuration.", ["result"]),
  configLastReloadSuccessful: gauge(
    "isobar_config_last_reload_successful",
    "1 when the last attempt to load the configuration succeeded, else 0.",
    [],
  ),
  configLastSuccess: gauge(
    "isobar_config_last_reload_success_timestamp_seconds",
    "When the configuration was last loaded.",
    [],
  ),
  tlsCertificateReloads: counter(
    "isobar_tls_certificate_reloads_total",
    "Attempts to take changed certificates from disk.",
    ["result"],
  ),
  tlsCertificateLifetime: gauge(
    "isobar_tls_certificate_lifetime_seconds",
    "How long the certificate is valid in all.",
    ["file"],
  ),
  tlsCertificateExpiration: gauge(
    "isobar_tls_certificate_expiration_timestamp_seconds",
    "When our own certificate expires.",
    ["file"],
  ),
  xdsClientConnected: gauge("isobar_xds_client_connected", "1 while a stream to a control plane stands.", []),
  xdsClientDisconnects: counter(
    "isobar_xds_client_disconnects_total",
    "Streams to control planes that ended or did not come about.",
    [],
  ),
  xdsClientResponses: counter("isobar_xds_client_responses_total", "Answers of control planes.", [
    "type",
    "result",
  ]),
  xdsClientResources: gauge("isobar_xds_client_resources", "Resources that are subscribed to.", [
    "type",
    "state",
  ]),
  xdsClientSuspect: gauge(
    "isobar_xds_client_unconfirmed_resources",
    "Resources from disk that no control plane has confirmed.",
    [],
  ),
  xdsClientHeldBack: gauge(
    "isobar_xds_client_held_back_endpoints",
    "Endpoints that stay for now although an update took them away.",
    [],
  ),
  xdsClientHeldBackUpdates: counter(
    "isobar_xds_client_held_back_updates_total",
    "Updates that took most endpoints of a service away, and were held back.",
    [],
  ),
  xdsClientStrangers: counter(
    "isobar_xds_client_claimed_endpoints_total",
    "Suspect endpoints that are not used any more because somebody else has their address.",
    [],
  ),
  xdsClientReportsLoad: gauge(
    "isobar_xds_client_reports_load",
    "1 while load is reported to a control plane.",
    [],
  ),
  xdsClientFleetProxies: gauge(
    "isobar_xds_client_fleet_proxies",
    "Proxies of the fleet this one has a place in, as the control plane says; 0 for none.",
    [],
  ),
  xdsClientSnapshotSaves: counter(
    "isobar_xds_client_snapshot_saves_total",
    "Attempts to write what is known to disk.",
    ["result"],
  ),
  xdsClientHeldRequests: counter(
    "isobar_xds_client_waiting_requests_total",
    "Requests that waited for word of their authority.",
    [],
  ),
  tracedCalls: counter("isobar_traced_calls_total", "Calls whose spans were to be sent to a collector.", [
    "result",
  ]),
  buildInfo: gauge("isobar_build_info", "1 for the version that runs.", ["version"]),
  seriesCount: gauge("isobar_metric_series", "Series that count towards the limit.", []),
  seriesOverflow: gauge("isobar_metric_series_overflow", "Series beyond the limit, folded into other.", []),
} as const;

function counter(name: string, help: string, labelNames: readonly string[]): MetricDefinition {
  return { name, type: "counter", help, labelNames };
}

function gauge(name: string, help: string, labelNames: readonly string[]): MetricDefinition {
  return { name, type: "gauge", help, labelNames };
}

function histogram(name: string, help: string, labelNames: readonly string[]): MetricDefinition {
  return { name, type: "histogram", help, labelNames };
}
