import type { LoadReportReader } from "../../grpc/load-report-reader.ts";
import { ReportResult } from "../../grpc/load-report-reader.ts";
import { ClusterColumn } from "../../telemetry/cluster-counters.ts";
import type { ProxyContext } from "../proxy-context.ts";

/** How a report came. */
export const ReportKind = { perRequest: 0, outOfBand: 1 } as const;
/** One of {@link ReportKind}. */
export type ReportKind = (typeof ReportKind)[keyof typeof ReportKind];

const RESULTS = 3;

/**
 * Counts a report, and keeps what it says.
 *
 * @param row this worker's row of the cluster's counters.
 * @param endpoint the slot of whom it is from.
 * @param reader has just read it.
 */
export function noteReport(
  context: ProxyContext,
  row: Float64Array,
  endpoint: number,
  kind: ReportKind,
  result: ReportResult,
  reader: LoadReportReader,
): void {
  row[ClusterColumn.loadReports + kind * RESULTS + result]!++;
  if (result === ReportResult.malformed) return;
  const { endpoints, workerIndex, time } = context;
  // The stream that brings the report is still counted here, and not any more by who made it.
  const own = kind === ReportKind.perRequest ? Math.max(0, endpoints.inFlightOf(endpoint) - 1) : 0;
  endpoints.measures.report(workerIndex, endpoint, reader.report, time.nowMs, own);
}
