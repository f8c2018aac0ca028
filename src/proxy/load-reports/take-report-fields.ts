import { LONGEST_REPORT_OCTETS, ReportResult } from "../../grpc/load-report-reader.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { ProxyContext } from "../proxy-context.ts";
import { noteReport, ReportKind } from "./note-report.ts";

const BINARY = "endpoint-load-metrics-bin";
const TEXT = "endpoint-load-metrics";
/** The request's field by which a client asks for reports. */
const FORMAT = "endpoint-load-metrics-format";

/**
 * As takeLoadReport, for an answer in HTTP/1.1.
 *
 * @param endpoint the slot of whom it is from.
 * @param fields of the answer: names in lower case and values by turns, as is `asked`.
 * @param asked the fields of the request.
 * @returns the fields that the client gets.
 */
export function takeReportFields(
  context: ProxyContext,
  cluster: ClusterRuntime,
  endpoint: number,
  fields: string[],
  asked: readonly string[],
): string[] {
  const reports = context.loadReports.of(cluster.snapshot.clusterSlot);
  if (!reports?.perRequest) return fields;
  const kept: string[] = [];
  let values = 0;
  let isBinary = false;
  let value = "";
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name !== BINARY && name !== TEXT) {
      kept.push(name, fields[i + 1]!);
      continue;
    }
    values++;
    isBinary = name === BINARY;
    value = fields[i + 1]!;
  }
  if (values === 0) return fields;
  const { reader } = reports;
  let result: ReportResult = ReportResult.malformed;
  if (values === 1 && value.length <= LONGEST_REPORT_OCTETS) {
    const octets = Buffer.from(value, "latin1");
    result = isBinary
      ? reader.readBinary(octets, 0, octets.length)
      : reader.readText(octets, 0, octets.length);
  }
  noteReport(context, cluster.row, endpoint, ReportKind.perRequest, result, reader);
  for (let i = 0; i < asked.length; i += 2) if (asked[i] === FORMAT) return fields;
  return kept;
}
