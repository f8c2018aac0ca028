import type { EndpointMeasures } from "../lb/load/endpoint-measures.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";

/**
 * @param nowMs on the clock of the process's threads, which is the main thread's.
 * @returns the age of the oldest among the last reports of a cluster's endpoints, in ms; -1 when none has ever reported.
 */
export function oldestReportAgeMs(
  snapshot: ClusterSnapshot,
  measures: EndpointMeasures,
  nowMs: number,
): number {
  let oldestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < snapshot.count; i++) {
    const reportedMs = measures.reportedMs(snapshot.slotAt(i));
    if (reportedMs > 0) oldestMs = Math.min(oldestMs, reportedMs);
  }
  return oldestMs === Number.POSITIVE_INFINITY ? -1 : Math.max(0, nowMs - oldestMs);
}
