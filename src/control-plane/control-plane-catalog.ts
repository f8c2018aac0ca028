import type { MetricDefinition } from "../telemetry/metric-catalog.ts";
import { FLEET_METRIC } from "./fleet-catalog.ts";
import { KUBERNETES_METRIC } from "./kubernetes-catalog.ts";
import { SERVICE_METRIC } from "./service-catalog.ts";

/** Every metric of the control plane; docs/control-plane.md describes these, and no other. */
export const CONTROL_PLANE_METRIC = {
  synced: gauge("isobar_xds_server_synced", "1 when all services are known and clients are answered.", []),
  services: gauge("isobar_xds_server_services", "Services that are served.", []),
  endpoints: gauge("isobar_xds_server_endpoints", "Endpoints of all services.", []),
  streams: gauge("isobar_xds_server_streams", "Streams of clients.", ["client", "transport"]),
  refusedNow: gauge(
    "isobar_xds_server_refused_resources",
    "Resources that a client has refused and not got in another version.",
    ["client"],
  ),
  responses: counter("isobar_xds_server_responses_total", "Responses sent.", ["type"]),
  resources: counter("isobar_xds_server_resources_total", "Resources in responses sent.", ["type"]),
  sent: counter("isobar_xds_server_sent_bytes_total", "Size of responses sent.", ["type"]),
  answers: counter("isobar_xds_server_answers_total", "Responses that clients accepted or refused.", [
    "type",
    "result",
  ]),
  answerTime: {
    name: "isobar_xds_server_answer_seconds",
    type: "histogram",
    help: "Time from a response to the client's answer.",
    labelNames: [],
  },
  unknownTypes: counter(
    "isobar_xds_server_unknown_types_total",
    "Requests for types that are not served.",
    [],
  ),
  faults: counter(
    "isobar_xds_server_faults_total",
    "Requests that could not be read, and services that could not be encoded.",
    [],
  ),
  auditWriting: gauge(
    "isobar_xds_server_audit_writing",
    "1 while the audit is written, 0 while it cannot be; absent without an audit.",
    [],
  ),
  auditRecords: counter("isobar_xds_server_audit_records_total", "Records of the audit.", ["result"]),
  auditHead: gauge(
    "isobar_xds_server_audit_head",
    "Number of a record of the audit, chosen anew every minute, with its hash.",
    ["hash"],
  ),
  failedConnections: counter(
    "isobar_xds_server_failed_connections_total",
    "Connections that ended before their client asked for anything.",
    [],
  ),
  refusals: counter("isobar_xds_server_refusals_total", "Clients that were refused, or ended.", ["reason"]),
  webhookPods: counter(
    "isobar_webhook_pods_total",
    "Questions of the API server about new Pods, by what became of them; absent without a webhook.",
    ["result"],
  ),
  deniedServices: counter(
    "isobar_xds_server_denied_services_total",
    "Services that clients asked for and may not call.",
    [],
  ),
  certificateExpiry: gauge(
    "isobar_xds_server_certificate_expiration_timestamp_seconds",
    "When the certificate that xDS is served with expires.",
    [],
  ),
  memory: gauge("isobar_memory_bytes", "Memory by what holds it.", ["kind"]),
  buildInfo: gauge("isobar_build_info", "1 for the version that runs.", ["version"]),
  ...KUBERNETES_METRIC,
  ...FLEET_METRIC,
  ...SERVICE_METRIC,
} as const satisfies Record<string, MetricDefinition>;

function counter(name: string, help: string, labelNames: readonly string[]): MetricDefinition {
  return { name, type: "counter", help, labelNames };
}

function gauge(name: string, help: string, labelNames: readonly string[]): MetricDefinition {
  return { name, type: "gauge", help, labelNames };
}
