import type { LoadBalancing } from "../../resource/load-balancing.ts";
import type { LoadSources } from "./cluster-loads.ts";
import { ClusterLoads } from "./cluster-loads.ts";
import { LocalityAwareLoads } from "./locality-aware-loads.ts";
import { PeakEwmaLoads } from "./peak-ewma-loads.ts";
import { UtilizationLoads } from "./utilization-loads.ts";

/** The loads of a cluster by its metric, which counts for `least_request`; all other policies have streams in flight. */
export function createLoads(
  { policy, metric, loadReports }: Pick<LoadBalancing, "policy" | "metric" | "loadReports">,
  sources: LoadSources,
): ClusterLoads {
  if (policy !== "least_request" && !policy.startsWith("module:")) return new ClusterLoads(sources);
  switch (metric) {
    case "peak_ewma":
      return new PeakEwmaLoads(sources);
    case "locality_aware":
      return new LocalityAwareLoads(sources);
    case "utilization":
      return new UtilizationLoads(sources, loadReports.agingMs);
    default:
      return new ClusterLoads(sources);
  }
}
