import type { LoadReport } from "../../grpc/load-report.ts";

/** Resources that are idle all the same count as used by this much, so that an idle endpoint is not infinitely better. */
const FLOOR_SHARE = 0.1;
const NETWORK_UNIT_MBITS = 1000;

/**
 * The weight of `client_side_weighted_round_robin`: requests per second for each unit of utilization, errors being counted as
 * utilization too.
 *
 * @param errorPenalty how much of it an error rate of 1 adds.
 * @returns 0 when the report does not say enough: no requests, or no utilization.
 *
 * Source: gRFC A58, "weight = qps / (utilization + eps/qps × error_utilization_penalty)"; Envoy does the same.
 */
export function reportWeight(report: Readonly<LoadReport>, errorPenalty: number): number {
  const { qps, utilization, eps } = report;
  if (qps <= 0 || utilization <= 0) return 0;
  const penalty = eps > 0 ? (eps / qps) * errorPenalty : 0;
  return qps / (utilization + penalty);
}

/**
 * The resource weight: `1/(cpu+0.1) · 1/(mem+0.1) · net/1000`, `net` in Mbit/s. A factor whose value is not reported is left out:
 * no network must not mean no traffic.
 *
 * @returns 0 when neither CPU nor memory is reported.
 */
export function resourceWeightOf(report: Readonly<LoadReport>): number {
  const { cpu, memory, network } = report;
  if (cpu < 0 && memory < 0) return 0;
  let weight = 1;
  if (cpu >= 0) weight /= cpu + FLOOR_SHARE;
  if (memory >= 0) weight /= memory + FLOOR_SHARE;
  if (network > 0) weight *= network / NETWORK_UNIT_MBITS;
  return weight;
}
