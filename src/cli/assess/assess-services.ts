import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { LoadSource } from "./load-source.ts";
import { findLoadSources } from "./load-source.ts";
import type { Skew } from "./pods-saved.ts";
import { podsSaved, skewOf } from "./pods-saved.ts";
import { PrometheusClient } from "./prometheus-client.ts";
import { workloadOf } from "./workload-of.ts";

/** What is wanted. */
export interface AssessWish {
  readonly prometheus: string;
  readonly header: readonly string[];
  readonly window: string;
  readonly namespace?: string;
  readonly by: "auto" | "requests" | "cpu";
}

/** One service as it is used now. */
export interface AssessedService extends Skew {
  readonly namespace: string;
  readonly service: string;
  readonly pods: number;
  /** What was compared. */
  readonly by: LoadSource["kind"];
  /** Requests a second, or cores. */
  readonly load: number;
  /** What connections chosen by chance come to, 0 to 1; null where zones are not known. */
  readonly crossZone: number | null;
  readonly podsSaved: { readonly from: number; readonly to: number };
  readonly bestMode: string;
}

/** What there is to gain. */
export interface Assessment {
  readonly window: string;
  /** Metrics that were compared. */
  readonly metrics: readonly string[];
  /** The most uneven first. */
  readonly services: readonly AssessedService[];
  /** Services that were left out, and why. */
  readonly notes: readonly string[];
}

/** With fewer requests than this for each Pod in the window the busiest one's share is chance. */
const LEAST_REQUESTS = 100;
/** Cores; a service that uses less is not worth looking at by processors. */
const LEAST_CORES = 0.05;
const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

/** Reads loads of Pods and makes services of them. @throws ExitError when Prometheus does not answer, or has nothing that tells Pods apart. */
export async function assessServices(wish: AssessWish): Promise<Assessment> {
  const client = new PrometheusClient(wish.prometheus, wish.header);
  const sources = await findLoadSources(client, wish.by);
  if (sources.length === 0)
    throw new ExitError(
      ExitCode.unavailable,
      `${wish.prometheus} has no metric that tells Pods apart: wanted requests (grpc_server_handled_total, istio_requests_total, rpc_server_duration…) or container_cpu_usage_seconds_total, with labels for namespace and Pod`,
    );
  const loads = new Map<string, Grouped>();
  for (const source of sources)
    for (const [key, group] of await loadsOf(client, source, wish))
      if (!loads.has(key)) loads.set(key, group);
  const places = await readPlaces(client);
  const services: AssessedService[] = [];
  let tooFew = 0;
  let single = 0;
  for (const { namespace, service, source, byPod } of loads.values()) {
    const pods = [...byPod.values()];
    const load = pods.reduce((sum, each) => sum + each, 0);
    if (pods.length < 2) single++;
    else if (!isEnough(source, load, pods.length, wish.window)) tooFew++;
    else {
      const skew = skewOf(pods);
      services.push({
        namespace,
        service,
        pods: pods.length,
        by: source.kind,
        load,
        ...skew,
        crossZone: places.crossZone([...byPod.keys()].map((pod) => `${namespace}/${pod}`)),
        podsSaved: podsSaved(pods.length, skew),
        bestMode: bestMode(source, places.isHeadless(namespace, service)),
      });
    }
  }
  services.sort((a, b) => b.podsSaved.to - a.podsSaved.to || b.maxOverMean - a.maxOverMean);
  return {
    window: wish.window,
    metrics: sources.map(({ metric }) => metric),
    services,
    notes: [
      ...(single > 0 ? [`${single} services with one Pod`] : []),
      ...(tooFew > 0 ? [`${tooFew} services with too little to do in the window`] : []),
    ],
  };
}

interface Grouped {
  readonly namespace: string;
  readonly service: string;
  readonly source: LoadSource;
  readonly byPod: Map<string, number>;
}

/** The mean of rates over the time a Pod was there: one that is young would otherwise look idle. */
async function loadsOf(
  client: PrometheusClient,
  source: LoadSource,
  { window, namespace: only }: AssessWish,
): Promise<ReadonlyMap<string, Grouped>> {
  const { metric, matchers, namespace, pod, service } = source;
  const by = [namespace, pod, service].filter((label) => label !== "").join(", ");
  const inNamespace = only === undefined ? "" : `,${namespace}=${JSON.stringify(only)}`;
  const rate = `sum by (${by}) (rate(${metric}{${pod}!=""${matchers}${inNamespace}}[5m]))`;
  const groups = new Map<string, Grouped>();
  for (const { labels, value } of await client.query(`avg_over_time(${rate}[${window}:1m])`)) {
    const podName = labels[pod] ?? "";
    const name = (service === "" ? "" : labels[service]) || workloadOf(podName);
    const key = `${labels[namespace] ?? ""}/${name}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { namespace: labels[namespace] ?? "", service: name, source, byPod: new Map() };
      groups.set(key, group);
    }
    group.byPod.set(podName, (group.byPod.get(podName) ?? 0) + value);
  }
  return groups;
}

function isEnough({ kind }: LoadSource, load: number, pods: number, window: string): boolean {
  if (kind === "cpu") return load >= LEAST_CORES;
  const seconds = Number(window.slice(0, -1)) * UNIT_SECONDS[window.at(-1)!]!;
  return load * seconds >= LEAST_REQUESTS * pods;
}

function bestMode({ metric }: LoadSource, isHeadless: boolean): string {
  if (metric.startsWith("istio_")) return "none: inside a mesh";
  return isHeadless ? "address or proxy-env (headless)" : "transparent";
}

interface Places {
  crossZone(pods: readonly string[]): number | null;
  isHeadless(namespace: string, service: string): boolean;
}

/** Where Pods are and what Services are, as kube-state-metrics has it; without it nothing is known of either. */
async function readPlaces(client: PrometheusClient): Promise<Places> {
  const zones = new Map<string, string>();
  for (const { labels } of await client.query("kube_node_labels")) {
    const { node = "", label_topology_kubernetes_io_zone: zone = "" } = labels;
    if (zone !== "") zones.set(node, zone);
  }
  const zoneOf = new Map<string, string>();
  if (zones.size > 0)
    for (const { labels } of await client.query("group by (namespace, pod, node) (kube_pod_info)")) {
      const { namespace = "", pod = "", node = "" } = labels;
      const zone = zones.get(node);
      if (zone !== undefined) zoneOf.set(`${namespace}/${pod}`, zone);
    }
  const headless = new Set<string>();
  for (const { labels } of await client.query('kube_service_info{cluster_ip="None"}'))
    headless.add(`${labels["namespace"]}/${labels["service"]}`);
  return {
    crossZone: (pods) => crossZoneShare(pods.map((pod) => zoneOf.get(pod))),
    isHeadless: (namespace, service) => headless.has(`${namespace}/${service}`),
  };
}

/** Callers are taken to be spread over the zones as the Pods are: the chance that two drawn from them are in different ones. */
export function crossZoneShare(zones: readonly (string | undefined)[]): number | null {
  if (zones.length === 0 || zones.includes(undefined)) return null;
  const counts = new Map<string, number>();
  for (const zone of zones) counts.set(zone!, (counts.get(zone!) ?? 0) + 1);
  let same = 0;
  for (const count of counts.values()) same += (count / zones.length) ** 2;
  return 1 - same;
}
