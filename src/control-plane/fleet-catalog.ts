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
  loadReports: {
    name: "isobar_xds_server_load_reports_total",
    type: "counter",
    help: "Reports of load that were taken.",
    labelNames: ["client"],
  },
  loadReportsRefused: {
    name: "isobar_xds_server_load_reports_refused_total",
    type: "counter",
    help: "Reports of load that could not be read, and services in them that there are not.",
    labelNames: ["reason"],
  },
} as const satisfies Record<string, MetricDefinition>;
