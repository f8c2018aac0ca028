import { ClusterColumn } from "../../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../../telemetry/endpoint-counters.ts";
import type { LoadReportStreamOwner } from "../../upstream/load-report-stream.ts";
import { LoadReportStream } from "../../upstream/load-report-stream.ts";
import type { Subchannel } from "../../upstream/subchannel.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { ClusterReports } from "./cluster-reports.ts";
import { noteReport, ReportKind } from "./note-report.ts";

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 120_000;
const BACKOFF_FACTOR = 1.6;
/** After an endpoint has said that it has no such service: it will hardly get one without being another endpoint. */
const UNIMPLEMENTED_MS = 3_600_000;
/** From an endpoint that takes fewer streams a connection, ours would take the place of clients' streams. */
const LEAST_STREAMS = 8;

/**
 * Asks one endpoint for its load out of band, on whatever connection to it stands: none is made for it, so who is never picked is not
 * asked. Of the process's workers only one asks.
 */
export class LoadReportAsker implements LoadReportStreamOwner {
  readonly reports: ClusterReports;
  readonly subchannel: Subchannel;
  /** The round in which it was last wanted. */
  round = 0;
  readonly #context: ProxyContext;
  readonly #row: Float64Array;
  #stream: LoadReportStream | undefined;
  #nextMs = 0;
  #backoffMs = FIRST_BACKOFF_MS;

  /** @param row this worker's row of the cluster's counters. */
  constructor(context: ProxyContext, reports: ClusterReports, subchannel: Subchannel, row: Float64Array) {
    this.#context = context;
    this.reports = reports;
    this.subchannel = subchannel;
    this.#row = row;
  }

  /** To be called several times a second: opens the stream when it is due and a connection stands. */
  visit(): void {
    const { time, endpoints, endpointRow, replyScratch } = this.#context;
    if (this.#stream !== undefined || time.nowMs < this.#nextMs) return;
    const channel = this.subchannel.anyAvailable();
    if (channel === undefined || channel.ownStream !== undefined) return;
    if (channel.connection.state.peerMaxConcurrentStreams < LEAST_STREAMS) return;
    const { slot } = this.subchannel.options;
    if (!endpoints.claimReports(endpointRow, slot)) return;
    this.#row[ClusterColumn.loadReportStreams]!++;
    const stream = LoadReportStream.open(channel, this.reports.request, replyScratch, this);
    if (stream === undefined) this.#left(endpoints, slot);
    else if (stream.slot !== 0) this.#stream = stream;
  }

  /** Asks no more. */
  stop(): void {
    this.#stream?.cancel();
  }

  reported(bytes: Uint8Array, offset: number, length: number): void {
    const { reader } = this.reports;
    const result = reader.readMessage(bytes, offset, length);
    noteReport(this.#context, this.#row, this.subchannel.options.slot, ReportKind.outOfBand, result, reader);
    this.#backoffMs = FIRST_BACKOFF_MS;
  }

  streamEnded(unimplemented: boolean): void {
    const { time, random, endpoints } = this.#context;
    this.#stream = undefined;
    const waitMs = unimplemented ? UNIMPLEMENTED_MS : this.#backoffMs;
    this.#nextMs = time.nowMs + waitMs * (0.8 + 0.4 * random.nextFloat());
    this.#backoffMs = Math.min(this.#backoffMs * BACKOFF_FACTOR, MAX_BACKOFF_MS);
    this.#left(endpoints, this.subchannel.options.slot);
  }

  #left(endpoints: EndpointCounters, slot: number): void {
    this.#row[ClusterColumn.loadReportStreams]!--;
    endpoints.releaseReports(this.#context.endpointRow, slot);
  }
}
