/** Series as promtool's tests write them: labels, and values once a minute. */
export type CaseSeries = Readonly<Record<string, string>>;

/** What makes an alert fire, and what is near to it and does not. */
export interface AlertCase {
  readonly fires: CaseSeries;
  readonly quiet: CaseSeries;
  /** When it is looked at; default 30m. */
  readonly at?: string;
}

const DST = `dst_namespace="shop", dst_service="ledger", dst_port="50051"`;
const PROXY = `job="isobar-proxy", instance="node-1:15020"`;
const CP = `job="isobar-control-plane", instance="10.0.0.9:18020"`;

/** Adds so much a minute, from 0. */
const grows = (perMinute: number): string => `0+${perMinute}x400`;
const stays = (value: number): string => `${value}x400`;

/** Timers of a data-plane thread, 240 a minute, of which so many run late by 0.2 to 0.5 s. */
function stalls(late: number): CaseSeries {
  const bucket = (le: string): string => `isobar_worker_stall_seconds_bucket{${PROXY}, le="${le}"}`;
  return {
    [bucket("0.001")]: grows(240 - late),
    [bucket("0.2")]: grows(240 - late),
    [bucket("0.5")]: grows(240),
    [bucket("+Inf")]: grows(240),
  };
}

/** A certificate with so many seconds of life, of which so many are left when promtool looks: after 30 minutes from 1970 on. */
function certificate(life: number, left: number): CaseSeries {
  const labels = `${PROXY}, file="/tls.crt"`;
  return {
    [`isobar_tls_certificate_expiration_timestamp_seconds{${labels}}`]: stays(1_800 + left),
    [`isobar_tls_certificate_lifetime_seconds{${labels}}`]: stays(life),
  };
}

/** Calls of one service, `failed` of 6,000 a minute. */
function calls(failed: number): CaseSeries {
  return {
    [`isobar_requests_total{${PROXY}, ${DST}, grpc_status="OK", src_namespace="a", response_flag="-"}`]:
      grows(6_000 - failed),
    ...(failed === 0
      ? {}
      : {
          [`isobar_requests_total{${PROXY}, ${DST}, grpc_status="UNAVAILABLE", src_namespace="a", response_flag="UF"}`]:
            grows(failed),
          // What callers did wrong is not the service's fault.
          [`isobar_requests_total{${PROXY}, ${DST}, grpc_status="NOT_FOUND", src_namespace="a", response_flag="-"}`]:
            grows(1),
        }),
  };
}

/** A histogram of 6,000 calls a minute, of which `slow` take between `fastS` and `slowS`, and the others less. */
function durations(metric: string, slow: number, fastS: number, slowS: number): CaseSeries {
  return {
    [`${metric}_bucket{${PROXY}, ${DST}, le="${fastS}"}`]: grows(6_000 - slow),
    [`${metric}_bucket{${PROXY}, ${DST}, le="${slowS}"}`]: grows(6_000),
    [`${metric}_bucket{${PROXY}, ${DST}, le="+Inf"}`]: grows(6_000),
    [`${metric}_count{${PROXY}, ${DST}}`]: grows(6_000),
  };
}

/** Requests at three endpoints a minute. */
function endpoints(...perMinute: readonly number[]): CaseSeries {
  return Object.fromEntries(
    perMinute.map((count, i) => [
      `isobar_cp_endpoint_requests_total{${CP}, ${DST}, endpoint="10.0.0.${i}:80", dst_zone="a"}`,
      grows(count),
    ]),
  );
}

const slo = (key: string, value: number): CaseSeries => ({
  [`isobar_slo_${key}{${CP}, ${DST}}`]: stays(value),
});
const one = (name: string, labels: string, value: number | string): CaseSeries => ({
  [`${name}{${labels}}`]: typeof value === "number" ? stays(value) : value,
});
/** The same series twice: as it should not be, and as it should. */
function gauge(name: string, labels: string, bad: number | string, good: number | string): AlertCase {
  return { fires: one(name, labels, bad), quiet: one(name, labels, good) };
}

/** By name of the alert; some have several. */
export const ALERT_CASES: Readonly<Record<string, readonly AlertCase[]>> = {
  IsobarErrorRate: [
    { fires: calls(90), quiet: calls(30) },
    // By the service's own word.
    {
      fires: { ...calls(30), ...slo("error_ratio", 0.002) },
      quiet: { ...calls(90), ...slo("error_ratio", 0.05) },
    },
  ],
  IsobarLatencyP95: [
    {
      fires: { ...calls(0), ...durations("isobar_request_duration_seconds", 600, 0.2, 0.5) },
      quiet: { ...calls(0), ...durations("isobar_request_duration_seconds", 200, 0.2, 0.5) },
    },
    {
      fires: {
        ...calls(0),
        ...durations("isobar_request_duration_seconds", 600, 0.05, 0.1),
        ...slo("latency_p95_seconds", 0.05),
      },
      quiet: {
        ...calls(0),
        ...durations("isobar_request_duration_seconds", 600, 0.2, 0.5),
        ...slo("latency_p95_seconds", 0.5),
      },
    },
  ],
  IsobarLatencyMean: [
    {
      fires: {
        ...calls(0),
        [`isobar_request_duration_seconds_sum{${PROXY}, ${DST}}`]: grows(900),
        [`isobar_request_duration_seconds_count{${PROXY}, ${DST}}`]: grows(6_000),
      },
      quiet: {
        ...calls(0),
        [`isobar_request_duration_seconds_sum{${PROXY}, ${DST}}`]: grows(900),
        [`isobar_request_duration_seconds_count{${PROXY}, ${DST}}`]: grows(6_000),
        ...slo("latency_p95_seconds", 0.5),
      },
    },
  ],
  IsobarSLOBurnFast: [
    { fires: calls(120), quiet: calls(60), at: "90m" },
    {
      fires: { ...calls(60), ...slo("success_ratio", 0.9995) },
      quiet: { ...calls(120), ...slo("success_ratio", 0.99) },
      at: "90m",
    },
  ],
  IsobarSLOBurnSlow: [{ fires: calls(60), quiet: calls(24), at: "390m" }],
  IsobarServiceSkewed: [
    { fires: endpoints(6_000, 3_000, 3_000), quiet: endpoints(3_600, 3_000, 3_000) },
    // Uneven, and too little to say so; an endpoint that nobody calls counts in the mean.
    { fires: endpoints(6_000, 6_000, 0), quiet: endpoints(600, 300, 300) },
  ],
  IsobarStreamsQueued: [gauge("isobar_streams_queued", `${PROXY}, ${DST}`, 3, 0)],
  IsobarRetryBudgetExhausted: [gauge("isobar_retry_budget_remaining_ratio", `${PROXY}, ${DST}`, 0.05, 0.9)],
  IsobarProxyOverheadHigh: [
    {
      fires: { ...calls(0), ...durations("isobar_request_overhead_seconds", 120, 0.002, 0.005) },
      quiet: { ...calls(0), ...durations("isobar_request_overhead_seconds", 120, 0.001, 0.002) },
    },
  ],
  IsobarBypassedConnections: [
    { ...gauge("isobar_capture_bypassed_connections", `${PROXY}, ${DST}`, 4, "4x40 0x300"), at: "90m" },
  ],
  IsobarDaemonDown: [
    gauge("up", PROXY, 0, 1),
    { fires: one("up", PROXY, "1x20 0x30"), quiet: one("up", `job="kubelet", instance="node-1:10250"`, 0) },
  ],
  IsobarFailedOpen: [gauge("isobar_capture_fail_open_seconds_total", PROXY, "0x20 0+30x30", "600x60")],
  IsobarCaptureInert: [gauge("isobar_capture_inert", PROXY, 1, 0)],
  IsobarSnapshotStale: [gauge("isobar_xds_client_unconfirmed_resources", PROXY, 12, "12x5 0x60")],
  IsobarControlPlaneUnreachable: [gauge("isobar_xds_client_connected", PROXY, 0, "1x26 0x1 1x60")],
  IsobarConfigRejected: [gauge("isobar_config_last_reload_successful", PROXY, 0, 1)],
  IsobarConfigNacked: [
    gauge("isobar_xds_client_resources", `${PROXY}, type="cluster", state="refused"`, 1, 0),
    {
      fires: one("isobar_xds_client_resources", `${PROXY}, type="cluster", state="refused"`, 2),
      quiet: one("isobar_xds_client_resources", `${PROXY}, type="cluster", state="present"`, 2),
    },
  ],
  IsobarUpdateHeld: [gauge("isobar_xds_client_held_back_endpoints", PROXY, 5, 0)],
  IsobarWorkerStalled: [
    {
      // A hundredth part of the timers, and less.
      fires: stalls(20),
      quiet: stalls(2),
    },
    gauge("isobar_thread_restarts_total", `${PROXY}, thread="data_plane", reason="crash"`, grows(1), "3x60"),
  ],
  IsobarMemoryNearLimit: [
    {
      fires: {
        ...one("isobar_memory_bytes", `${PROXY}, kind="slab_used"`, 230e6),
        ...one("isobar_memory_bytes", `${PROXY}, kind="slab_capacity"`, 256e6),
      },
      quiet: {
        ...one("isobar_memory_bytes", `${PROXY}, kind="slab_used"`, 100e6),
        ...one("isobar_memory_bytes", `${PROXY}, kind="slab_capacity"`, 256e6),
        // Without a limit both are 0.
        ...one("isobar_overload_memory_bytes", `${PROXY}, kind="used"`, 0),
        ...one("isobar_overload_memory_bytes", `${PROXY}, kind="limit"`, 0),
      },
    },
    {
      fires: {
        ...one("isobar_overload_memory_bytes", `${PROXY}, kind="used"`, 450e6),
        ...one("isobar_overload_memory_bytes", `${PROXY}, kind="limit"`, 512e6),
      },
      quiet: {
        ...one("isobar_overload_memory_bytes", `${PROXY}, kind="used"`, 200e6),
        ...one("isobar_overload_memory_bytes", `${PROXY}, kind="limit"`, 512e6),
      },
    },
  ],
  IsobarTenantThrottled: [
    gauge("isobar_connections_refused_total", `${PROXY}, reason="caller_rate"`, grows(5), "500x60"),
    // Ten calls at any time, and one.
    gauge("isobar_tenant_throttled_seconds_total", `${PROXY}, src_namespace="a"`, grows(600), grows(60)),
    {
      fires: one("isobar_overload_connections_paused", PROXY, 2),
      quiet: one("isobar_connections_refused_total", `${PROXY}, reason="silent"`, grows(5)),
    },
  ],
  IsobarDrainOverrun: [
    {
      fires: {
        ...one("isobar_drain_age_seconds", PROXY, 700),
        ...one("isobar_drain_limit_seconds", PROXY, 600),
      },
      quiet: {
        ...one("isobar_drain_age_seconds", PROXY, 60),
        ...one("isobar_drain_limit_seconds", PROXY, 600),
      },
    },
    {
      fires: {
        // With the limit the process has ended.
        ...one("isobar_drain_age_seconds", PROXY, 25),
        ...one("isobar_drain_limit_seconds", PROXY, 30),
      },
      quiet: { ...one("isobar_drain_age_seconds", PROXY, 0), ...one("isobar_drain_limit_seconds", PROXY, 0) },
    },
  ],
  IsobarCertificateExpiring: [
    // Of 90 days and of one: renewed in time, that is with a third left, and not.
    { fires: certificate(90 * 86_400, 17 * 86_400), quiet: certificate(90 * 86_400, 29 * 86_400) },
    { fires: certificate(86_400, 4 * 3_600), quiet: certificate(86_400, 7 * 3_600) },
    gauge("isobar_xds_server_certificate_expiration_timestamp_seconds", CP, 5_400, 86_400),
  ],
  IsobarVersionSkew: [
    {
      fires: {
        ...one("isobar_build_info", `${PROXY}, version="1.0.0"`, 1),
        ...one("isobar_build_info", `${CP}, version="1.1.0"`, 1),
      },
      quiet: {
        ...one("isobar_build_info", `${PROXY}, version="1.1.0"`, 1),
        ...one("isobar_build_info", `${CP}, version="1.1.0"`, 1),
      },
      at: "150m",
    },
  ],
  IsobarControlPlaneNotReady: [gauge("up", CP, 0, 1), gauge("isobar_xds_server_synced", CP, 0, 1)],
  IsobarKubernetesUnreachable: [gauge("isobar_kube_lost", `${CP}, cluster="own"`, 1, 0)],
  IsobarAuditNotWritten: [
    gauge("isobar_xds_server_audit_writing", CP, 0, 1),
    gauge("isobar_xds_server_audit_records_total", `${CP}, result="lost"`, grows(2), "20x60"),
  ],
};
