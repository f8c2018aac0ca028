import type { NamespaceCallers, NodeStatus } from "../../admin/node-status.ts";
import { parseDestination } from "../../telemetry/destination.ts";
import type { Answer } from "./cluster-access.ts";
import type { ClusterView, ControlPlaneStatus } from "./cluster-view.ts";
import { textTable } from "./text-table.ts";

const MIB = 1_048_576;

/** What `isobar status` prints. @param namespace only this one; "" all. */
export function statusText(view: ClusterView, namespace: string): string {
  const parts = [
    section("control plane", view.controlPlanes.length === 0 ? "" : controlPlaneText(view.controlPlanes)),
    section("nodes", view.nodes.length === 0 ? "" : nodesText(view.nodes)),
    section("namespaces", namespacesText(view, namespace)),
    section("left alone", leftAloneText(view)),
    section("not everything is known", view.notes.map((note) => `${note}\n`).join("")),
  ].filter((part) => part !== "");
  return parts.length === 0 ? "nothing of Isobar is there\n" : parts.join("\n");
}

function section(title: string, text: string): string {
  return text === "" ? "" : `${title.toUpperCase()}\n${text}`;
}

function controlPlaneText(replicas: readonly Answer<ControlPlaneStatus>[]): string {
  const rows = replicas.map(({ name, value, problem }) => {
    if (value === undefined) return [name, problem];
    const { stats, clients } = value;
    const refused = clients.flatMap(({ types }) => types).reduce((sum, each) => sum + each.refusedCount, 0);
    const unanswered = clients.flatMap(({ types }) => types).reduce((sum, each) => sum + each.unanswered, 0);
    return [
      name,
      `${stats["services"] ?? 0}`,
      `${stats["endpoints"] ?? 0}`,
      `${clients.length}`,
      `${refused}`,
      `${unanswered}`,
    ];
  });
  return textTable(
    [["REPLICA", "SERVICES", "ENDPOINTS", "STREAMS", "REFUSED", "UNANSWERED"], ...rows],
    [1, 2, 3, 4, 5],
  );
}

function nodesText(nodes: readonly Answer<NodeStatus>[]): string {
  const rows = nodes.flatMap(({ value }) => {
    if (value === undefined) return [];
    const { node, version, notReady, capture, controlPlane, uptimeSeconds, residentOctets } = value;
    const row = [
      node,
      version,
      notReady === "" ? "yes" : `no: ${notReady}`,
      capture === null ? "-" : capture.open ? "on" : `past it: ${capture.closedBecause}`,
      generationText(capture),
      capture === null ? "-" : `${Math.round(capture.failOpenSeconds)} s`,
      linkText(controlPlane),
      durationText(uptimeSeconds),
      `${Math.round(residentOctets / MIB)} MiB`,
    ];
    return [row];
  });
  const head = [
    "NODE",
    "VERSION",
    "READY",
    "CAPTURE",
    "GENERATION",
    "FAILED OPEN",
    "CONTROL PLANE",
    "UP",
    "MEMORY",
  ];
  // Apart from the table, whose columns they would widen.
  const silent = nodes.flatMap(({ name, value, problem }) =>
    value === undefined ? [`${name} does not answer: ${problem}\n`] : [],
  );
  return (rows.length === 0 ? "" : textTable([head, ...rows], [5, 7, 8])) + silent.join("");
}

function generationText(capture: NodeStatus["capture"]): string {
  if (capture === null) return "-";
  const { generation, current } = capture;
  const short = generation.length > 13 ? generation.slice(0, 13) : generation;
  return current === generation || current === "" ? short : `${short} (not the current one)`;
}

function linkText(link: NodeStatus["controlPlane"]): string {
  if (link === null) return "-";
  const held = Object.values(link.heldBack).reduce((sum, count) => sum + count, 0);
  const said = [
    ...(link.connected ? ["connected"] : ["not connected"]),
    ...(link.refusedCount > 0 ? [`${link.refusedCount} refused`] : []),
    ...(held > 0 ? [`${held} endpoints held back`] : []),
    ...(link.unconfirmed > 0 ? [`${link.unconfirmed} from disk`] : []),
  ];
  return said.join(", ");
}

/** How a namespace's calls fare while no proxy works. */
export function failsHow(callers: Omit<NamespaceCallers, "namespace">): string {
  const { transparent, failClosed, proxyEnv, address } = callers;
  const open = transparent - failClosed;
  const ways = [
    ...(open > 0 ? ["open"] : []),
    ...(failClosed > 0 ? ["closed"] : []),
    ...(proxyEnv + address > 0 ? ["closed (its clients dial the proxy)"] : []),
  ];
  return ways.join(", ") || "-";
}

/** The Pods of each namespace over all nodes. @param wanted only this one; "" all. */
export function sumCallers(
  nodes: readonly Answer<NodeStatus>[],
  wanted: string,
): ReadonlyMap<string, NamespaceCallers> {
  const sums = new Map<string, NamespaceCallers>();
  // Two generations of one node count the same Pods.
  const seen = new Set<string>();
  for (const { value } of nodes) {
    if (value === undefined || seen.has(value.node)) continue;
    if (value.capture !== null) seen.add(value.node);
    for (const each of value.capture?.namespaces ?? []) {
      if (wanted !== "" && each.namespace !== wanted) continue;
      const sum = sums.get(each.namespace);
      sums.set(each.namespace, {
        namespace: each.namespace,
        transparent: each.transparent + (sum?.transparent ?? 0),
        proxyEnv: each.proxyEnv + (sum?.proxyEnv ?? 0),
        address: each.address + (sum?.address ?? 0),
        off: each.off + (sum?.off ?? 0),
        failClosed: each.failClosed + (sum?.failClosed ?? 0),
      });
    }
  }
  return sums;
}

function namespacesText({ nodes, namespaces }: ClusterView, wanted: string): string {
  const callers = sumCallers(nodes, wanted);
  const bypassed = new Map<string, number>();
  for (const { value } of nodes)
    for (const { name, bypassed: count } of value?.services ?? []) {
      const { dst_namespace: of } = parseDestination(name);
      bypassed.set(of, (bypassed.get(of) ?? 0) + count);
    }
  const optedIn = (namespaces ?? []).filter(({ mode }) => mode !== "off").map(({ name }) => name);
  const withCallers = [...callers.values()]
    .filter((each) => each.transparent + each.proxyEnv + each.address > 0)
    .map(({ namespace }) => namespace);
  const names = [...new Set([...optedIn, ...withCallers])].sort();
  if (names.length === 0) return "";
  const rows = names.map((name) => {
    const said = namespaces?.find((each) => each.name === name);
    const found = callers.get(name) ?? { transparent: 0, proxyEnv: 0, address: 0, off: 0, failClosed: 0 };
    const all = found.transparent + found.proxyEnv + found.address + found.off;
    const percent = said !== undefined && said.percent < 100 ? ` ${said.percent} %` : "";
    return [
      name,
      said === undefined ? "?" : `${said.mode}${percent}`,
      `${all - found.off} of ${all}`,
      failsHow(found),
      `${bypassed.get(name) ?? 0}`,
    ];
  });
  return textTable([["NAMESPACE", "MODE", "PODS", "FAILS", "CONNECTIONS PAST THE PROXY"], ...rows], [2, 4]);
}

function leftAloneText({ leftAlone }: ClusterView): string {
  if (leftAlone === undefined || leftAlone.length === 0) return "";
  return textTable([
    ["SERVICE", "REASON", "WHY"],
    ...leftAlone.map(({ service, reason, message }) => [service, reason, message]),
  ]);
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
