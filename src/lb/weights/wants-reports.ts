import type { LoadBalancing } from "../../resource/load-balancing.ts";

/** @returns whether picks go by what endpoints report of their load, so that it has to be read even where no key says so. */
export function wantsReports(loadBalancing: LoadBalancing): boolean {
  const { policy, metric, resourceWeight } = loadBalancing;
  if (policy === "client_side_weighted_round_robin" || resourceWeight !== null) return true;
  return policy === "least_request" && metric === "utilization";
}
