import type { PrometheusClient } from "./prometheus-client.ts";

/** A metric that says what single Pods do. */
export interface LoadSource {
  readonly metric: string;
  readonly kind: "requests" | "cpu";
  /** Names of the labels with namespace, Pod and service; "" where there is none, and the Pod's name says it. */
  readonly namespace: string;
  readonly pod: string;
  readonly service: string;
  /** Further matchers, with a comma in front. */
  readonly matchers: string;
}

interface Candidate {
  readonly metric: string;
  readonly kind: LoadSource["kind"];
  readonly service?: readonly string[];
  readonly namespace?: readonly string[];
  readonly matchers?: string;
}

/** Labels of namespaces as the Prometheus Operator, plain scrape configurations and OpenTelemetry have them. */
export const NAMESPACE_LABELS = ["namespace", "kubernetes_namespace", "k8s_namespace_name"];
/** Of Pods, the same. */
export const POD_LABELS = ["pod", "kubernetes_pod_name", "k8s_pod_name", "pod_name"];

/** What people have, the most telling first. */
const CANDIDATES: readonly Candidate[] = [
  {
    metric: "istio_requests_total",
    kind: "requests",
    service: ["destination_service_name"],
    namespace: ["destination_service_namespace"],
    matchers: ',reporter="destination"',
  },
  { metric: "grpc_server_handled_total", kind: "requests", service: ["service"] },
  { metric: "grpc_server_started_total", kind: "requests", service: ["service"] },
  { metric: "rpc_server_call_duration_seconds_count", kind: "requests", service: ["service"] },
  { metric: "rpc_server_duration_milliseconds_count", kind: "requests", service: ["service"] },
  { metric: "rpc_server_duration_count", kind: "requests", service: ["service"] },
  {
    metric: "container_cpu_usage_seconds_total",
    kind: "cpu",
    service: [],
    matchers: ',container!="",container!="POD"',
  },
];

/** @returns the metrics that this Prometheus has with labels that tell Pods apart. @param by "auto": processors only where nothing counts requests. */
export async function findLoadSources(
  client: PrometheusClient,
  by: "auto" | "requests" | "cpu",
): Promise<readonly LoadSource[]> {
  const found: LoadSource[] = [];
  for (const candidate of CANDIDATES) {
    if (by !== "auto" && candidate.kind !== by) continue;
    if (by === "auto" && candidate.kind === "cpu" && found.length > 0) continue;
    const labels = new Set(await client.labels(candidate.metric));
    const first = (names: readonly string[]): string => names.find((name) => labels.has(name)) ?? "";
    const namespace = first(candidate.namespace ?? NAMESPACE_LABELS);
    const pod = first(POD_LABELS);
    if (pod === "" || namespace === "") continue;
    const { metric, kind, service = [], matchers = "" } = candidate;
    found.push({ metric, kind, namespace, pod, service: first(service), matchers });
  }
  return found;
}
