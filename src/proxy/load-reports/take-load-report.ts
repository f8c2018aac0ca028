import { LONGEST_REPORT_OCTETS, ReportResult } from "../../grpc/load-report-reader.ts";
import type { HpackDecoder } from "../../h2/hpack/decoder.ts";
import { FieldRole } from "../../h2/hpack/field-role.ts";
import { removeFields } from "../../h2/hpack/remove-fields.ts";
import { ExchangeBit } from "../exchange-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import { noteReport, ReportKind } from "./note-report.ts";

/**
 * Reads the load that an endpoint reports with an answer, and takes it out of the section unless the client wants it. Where the
 * cluster does not ask for reports, they are passed on like any field.
 *
 * @param decoder has just decoded the section, whose field block lies in the engine's scratch memory.
 * @param slot the client's stream. @param stream the endpoint's.
 * @returns the block's length from now on.
 */
export function takeLoadReport(
  context: ProxyContext,
  decoder: HpackDecoder,
  slot: number,
  stream: number,
  octets: number,
): number {
  const { exchanges, clusters, loadReports, engine } = context;
  const clusterSlot = exchanges.cluster[slot]!;
  const reports = loadReports.of(clusterSlot);
  const cluster = clusters[clusterSlot];
  if (!reports?.perRequest || cluster === undefined) return octets;
  const { reader } = reports;
  let result: ReportResult = ReportResult.malformed;
  // Which of several is true nobody can know.
  if (decoder.loadReports === 1 && decoder.loadReportLength <= LONGEST_REPORT_OCTETS) {
    const { bytes } = engine.slab;
    const at = context.replyScratch;
    const length = decoder.readLoadReport(at);
    result = decoder.loadReportIsBinary
      ? reader.readBinary(bytes, at, length)
      : reader.readText(bytes, at, length);
  }
  noteReport(context, cluster.row, exchanges.endpoint[stream]!, ReportKind.perRequest, result, reader);
  if (exchanges.bits[slot]! & ExchangeBit.wantsLoadReport) return octets;
  const { slab, pool, scratch } = engine;
  return removeFields(slab, pool, scratch, octets, FieldRole.loadReportBinary, FieldRole.loadReportText);
}
