import type { KubernetesSourceStats } from "../controller/kubernetes-source.ts";
import type { WrittenSeries } from "../telemetry/written-series.ts";
import { KUBERNETES_METRIC as METRIC } from "./kubernetes-catalog.ts";

/** What is to be seen of the Kubernetes clusters that a control plane reads. */
export interface KubernetesView {
  /** The own one first; none where services come of a file. */
  readonly clusters: () => readonly KubernetesSourceStats[];
  /** Endpoints that are left out because another cluster's Pods have their address. */
  readonly contestedEndpoints: () => number;
}

/** Writes what the clusters have counted. @param nowMs of the process's monotonic clock. */
export function writeKubernetesMetrics(series: WrittenSeries, view: KubernetesView, nowMs: number): void {
  const clusters = view.clusters();
  if (clusters.length === 0) return;
  series.set(METRIC.contested, {}, view.contestedEndpoints());
  for (const stats of clusters) {
    const { cluster } = stats;
    series.set(METRIC.clusterSynced, { cluster }, stats.hasSynced ? 1 : 0);
    series.set(METRIC.clusterLost, { cluster }, stats.isLost ? 1 : 0);
    series.set(METRIC.queueDepth, { cluster }, stats.queueDepth);
    series.set(METRIC.statuses, { cluster, result: "written" }, stats.statusesWritten);
    series.set(METRIC.statuses, { cluster, result: "lost" }, stats.statusesLost);
    for (const each of stats.reflectors) {
      const labels = { cluster, kind: each.kind };
      series.set(METRIC.objects, labels, each.objects);
      series.set(METRIC.absent, labels, each.isAbsent ? 1 : 0);
      series.set(METRIC.lists, labels, each.lists);
      series.set(METRIC.watches, labels, each.watches);
      series.set(METRIC.events, labels, each.events);
      series.set(METRIC.errors, labels, each.errors);
      series.set(METRIC.expired, labels, each.expired);
      series.set(METRIC.unreadable, labels, each.unreadable);
      if (each.lastEventMs > 0) series.set(METRIC.lastEventAge, labels, (nowMs - each.lastEventMs) / 1_000);
    }
  }
}

/** @returns the most important of it, for people. */
export function kubernetesStats({ clusters, contestedEndpoints }: KubernetesView): Record<string, number> {
  const stats: Record<string, number> = {};
  for (const { cluster, hasSynced, isLost, queueDepth, services, endpoints } of clusters()) {
    stats[`clusters.${cluster}.synced`] = hasSynced ? 1 : 0;
    stats[`clusters.${cluster}.lost`] = isLost ? 1 : 0;
    stats[`clusters.${cluster}.services`] = services;
    stats[`clusters.${cluster}.endpoints`] = endpoints;
    stats[`clusters.${cluster}.queue_depth`] = queueDepth;
    stats["clusters.contested_endpoints"] = contestedEndpoints();
  }
  return stats;
}
