import type { NodeStatus } from "../../admin/node-status.ts";
import type { NamespaceRate } from "./namespace-rates.ts";
import type { ServiceRate } from "./service-rates.ts";
import { textTable } from "./text-table.ts";

/** What `isobar top` shows a table of. */
export type TopRows = "service" | "namespace";

/** What proxies did between two looks. */
export interface TopView {
  readonly nodes: readonly NodeStatus[];
  /** Proxies that were asked. */
  readonly asked: number;
  readonly services: readonly ServiceRate[];
  readonly namespaces: readonly NamespaceRate[];
  /** Only this one is shown; "" all. */
  readonly namespace: string;
}

/** One table. */
export function topText(view: TopView, rows: TopRows): string {
  return `${headOf(view)}\n\n${rows === "service" ? servicesText(view.services) : namespacesText(view.namespaces)}`;
}

function headOf({ nodes, asked, namespace }: TopView): string {
  const closed = nodes.filter(({ capture }) => capture !== null && !capture.open).length;
  const captured = nodes.reduce((sum, { capture }) => sum + (capture?.capturedTotal ?? 0), 0);
  return [
    `${nodes.length} of ${asked} nodes`,
    ...(nodes.some(({ capture }) => capture !== null) ? [`${captured} connections captured so far`] : []),
    ...(closed > 0 ? [`${closed} nodes go past the proxy`] : []),
    ...(namespace === "" ? [] : [`namespace ${namespace}`]),
  ].join(", ");
}

function servicesText(rates: readonly ServiceRate[]): string {
  const rows = rates.map((each) => [
    each.name,
    shown(each.requestsPerSecond, 1),
    `${each.inFlight}`,
    `${each.queued}`,
    `${each.endpoints}`,
    shown(each.maxOverMean, 2),
    msText(each.p50Ms),
    msText(each.p99Ms),
    percent(each.errorRate),
    percent(each.crossZone),
    `${each.bypassed}`,
  ]);
  const columns = [
    "SERVICE",
    "RPS",
    "IN FLIGHT",
    "QUEUED",
    "ENDPOINTS",
    "MAX/MEAN",
    "P50",
    "P99",
    "ERRORS",
    "CROSS-ZONE",
    "PAST",
  ];
  return textTable([columns, ...rows], rightOf(columns));
}

function namespacesText(rates: readonly NamespaceRate[]): string {
  const rows = rates.map((each) => [
    each.name,
    `${each.pods}`,
    `${each.channels}`,
    shown(each.requestsFromPerSecond, 1),
    `${shown(each.throttledPerSecond, 2)} s/s`,
    shown(each.requestsToPerSecond, 1),
    `${each.upstreamConnections}`,
    `${each.spliced}`,
    `${each.bypassed}`,
  ]);
  const columns = [
    "NAMESPACE",
    "PODS",
    "CHANNELS",
    "RPS FROM",
    "WAITED",
    "RPS TO",
    "UPSTREAM",
    "WHOLE",
    "PAST",
  ];
  return textTable([columns, ...rows], rightOf(columns));
}

/** All but the first. */
function rightOf(columns: readonly string[]): readonly number[] {
  return columns.map((_, i) => i).slice(1);
}

function shown(value: number, digits: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(digits);
}

function msText(ms: number): string {
  if (Number.isNaN(ms)) return "-";
  return ms < 10
    ? `${ms.toFixed(1)} ms`
    : ms < 10_000
      ? `${Math.round(ms)} ms`
      : `${(ms / 1_000).toFixed(1)} s`;
}

function percent(share: number): string {
  return Number.isNaN(share) ? "-" : `${(share * 100).toFixed(share < 0.01 ? 2 : 0)} %`;
}
