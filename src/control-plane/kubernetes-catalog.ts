import type { MetricDefinition } from "../telemetry/metric-catalog.ts";

/** What is measured of the Kubernetes clusters that a control plane reads; a part of the control plane's metrics. */
export const KUBERNETES_METRIC = {
  clusterSynced: gauge("isobar_kube_synced", "1 when all kinds of the cluster have been listed once.", []),
  clusterLost: gauge(
    "isobar_kube_lost",
    "1 while the cluster's API does not answer; what is known stays.",
    [],
  ),
  objects: gauge("isobar_kube_objects", "Objects that are known.", ["kind"]),
  absent: gauge("isobar_kube_absent", "1 for a kind that is not there, or not for us: it counts as empty.", [
    "kind",
  ]),
  lists: counter("isobar_kube_lists_total", "Whole lists taken.", ["kind"]),
  watches: counter("isobar_kube_watches_total", "Watches begun.", ["kind"]),
  events: counter("isobar_kube_events_total", "Changes that watches told of.", ["kind"]),
  errors: counter("isobar_kube_errors_total", "Lists and watches that failed.", ["kind"]),
  expired: counter("isobar_kube_expired_total", "Watches whose version was gone; a new list follows.", [
    "kind",
  ]),
  unreadable: counter("isobar_kube_unreadable_objects_total", "Objects that could not be read.", ["kind"]),
  lastEventAge: gauge(
    "isobar_kube_last_event_age_seconds",
    "Time since a watch last said something, bookmarks included.",
    ["kind"],
  ),
  queueDepth: gauge("isobar_kube_queue_depth", "Changes that are not taken up yet.", []),
  statuses: counter("isobar_kube_statuses_total", "Statuses and Events written, and given up.", ["result"]),
  contested: {
    name: "isobar_kube_contested_endpoints",
    type: "gauge",
    help: "Endpoints of other clusters that are left out because another cluster's Pods have their address.",
    labelNames: [],
  },
} as const satisfies Record<string, MetricDefinition>;

function counter(name: string, help: string, labelNames: readonly string[]): MetricDefinition {
  return { name, type: "counter", help, labelNames: ["cluster", ...labelNames] };
}

function gauge(name: string, help: string, labelNames: readonly string[]): MetricDefinition {
  return { name, type: "gauge", help, labelNames: ["cluster", ...labelNames] };
}
