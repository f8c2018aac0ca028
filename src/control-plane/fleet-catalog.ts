import type { MetricDefinition } from "../telemetry/metric-catalog.ts";

/** Metrics about callers as a whole; docs/control-plane.md describes them. */
export const FLEET_METRIC = {
  fleetProxies: {
    name: "isobar_xds_server_fleet_proxies",
    type: "gauge",
    help: "Proxies that have a place in the fleet.",
    labelNames: [],
  },
  loadReporters: {
    name: "isobar_xds_server_load_reporters",
    type: "gauge",
    help: "Clients whose reports of load count.",
    labelNames: [],
  },
  knownReplicas: {
    name: "isobar_xds_server_known_replicas",
    type: "gauge",
    help: "Other replicas of the control plane whose clients' reports are known.",
    labelNames: [],
  },
  loadReports: {
    name: "isobar_xds_server_load_reports_total",
    type: "counter",
    help: "Reports of load that were taken.",
    labelNames: ["client"],
  },
  loadReportsRefused: {
    name: "isobar_xds_server_load_reports_refused_total",
    type: "counter",
    help: "Reports of load that were refused, by why.",
    labelNames: ["reason"],
  },
  zoneShareChanges: {
    name: "isobar_xds_server_zone_share_changes_total",
    type: "counter",
    help: "Times that gRPC clients were told to move load of a service between zones.",
    labelNames: [],
  },
} as const satisfies Record<string, MetricDefinition>;
