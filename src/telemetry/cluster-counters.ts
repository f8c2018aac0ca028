import { HEALTH_CHECK_RESULTS } from "../resource/health-check.ts";
import { CounterRows } from "./counter-rows.ts";
import { HISTOGRAM_COLUMNS } from "./histogram-buckets.ts";
import { REQUEST_CELLS } from "./request-cell.ts";
import { addSources, SOURCE_CELLS } from "./source-cells.ts";

/**
 * Columns of a cluster's counter row. Those that name several cells are the first of them; what is added to it is said
 * with each. The hot path is `row[ClusterColumn.attempts]++`.
 */
export const ClusterColumn = {
  /** + requestCell(grpcStatus, flag): finished requests. */
  requests: 0,
  /** Streams opened towards an endpoint, moves and retries included. */
  attempts: REQUEST_CELLS,
  /** + RetryReason, 4 cells. */
  retries: REQUEST_CELLS + 1,
  /** Gauge: the used share of the retry budget, 0 (untouched) to 1. The used one, so that a fresh row is right. */
  retryBudgetUsed: REQUEST_CELLS + 5,
  /** Gauge: streams picked and not finished. */
  streamsActive: REQUEST_CELLS + 6,
  /** Gauge: streams waiting for capacity. */
  streamsQueued: REQUEST_CELLS + 7,
  /** + ByteColumn, 4 cells: octets of DATA payload. */
  bytes: REQUEST_CELLS + 8,
  /** Gauge: open connections to endpoints. */
  upstreamConnections: REQUEST_CELLS + 12,
  upstreamConnectFailures: REQUEST_CELLS + 13,
  /** + DisconnectReason, 8 cells. */
  upstreamDisconnects: REQUEST_CELLS + 14,
  /** Histogram for observeMs: from the first request octet to the last response octet. */
  duration: REQUEST_CELLS + 22,
  /** Histogram for observeMs: the part of it spent inside this process. */
  overhead: REQUEST_CELLS + 22 + HISTOGRAM_COLUMNS,
  /** Histogram for observeMs: waiting for capacity, of streams that had to wait. */
  queueTime: REQUEST_CELLS + 22 + 2 * HISTOGRAM_COLUMNS,
  /** Gauge: connections passed on octet by octet, balanced as a whole. */
  splicedConnections: REQUEST_CELLS + 22 + 3 * HISTOGRAM_COLUMNS,
  /** Such connections since the start. */
  splicedConnectionsTotal: REQUEST_CELLS + 23 + 3 * HISTOGRAM_COLUMNS,
  /** + ByteColumn, 4 cells: octets of such connections. */
  splicedBytes: REQUEST_CELLS + 24 + 3 * HISTOGRAM_COLUMNS,
  /** + place in TLS_FAILURE_NAMES, 6 cells: connections that TLS kept from coming about. */
  upstreamTlsFailures: REQUEST_CELLS + 28 + 3 * HISTOGRAM_COLUMNS,
  /** + place in CODE_CLASS_NAMES, 4 cells: answers to plain HTTP/1.1 requests that were handled one by one. */
  http1Responses: REQUEST_CELLS + 34 + 3 * HISTOGRAM_COLUMNS,
  /** + place in LOAD_REPORT_LABELS, 6 cells: reports of load from endpoints. */
  loadReports: REQUEST_CELLS + 38 + 3 * HISTOGRAM_COLUMNS,
  /** Gauge: streams on which endpoints report their load out of band. */
  loadReportStreams: REQUEST_CELLS + 44 + 3 * HISTOGRAM_COLUMNS,
  /** + place in TIER_NAMES, 4 cells: picks by how near the tier was that was drawn. */
  tierPicks: REQUEST_CELLS + 45 + 3 * HISTOGRAM_COLUMNS,
  /** Gauge: share of the requests that load sends further than health alone would, 0 to 1. */
  spilledShare: REQUEST_CELLS + 49 + 3 * HISTOGRAM_COLUMNS,
  /** Gauge: load of the nearest tier relative to those after it; 0 while it is not known. */
  loadRatio: REQUEST_CELLS + 50 + 3 * HISTOGRAM_COLUMNS,
  /** Gauge: 1 while health is ignored on any tier. */
  panic: REQUEST_CELLS + 51 + 3 * HISTOGRAM_COLUMNS,
  /** Gauge: endpoints that can be picked, on all tiers. */
  candidates: REQUEST_CELLS + 52 + 3 * HISTOGRAM_COLUMNS,
  /** + place in EJECTION_REASONS, 4 cells: endpoints ejected by outlier detection. */
  ejections: REQUEST_CELLS + 61 + 3 * HISTOGRAM_COLUMNS,
  /** Endpoints not ejected because too many were. */
  ejectionsRefused: REQUEST_CELLS + 65 + 3 * HISTOGRAM_COLUMNS,
  /** + place in HEALTH_CHECK_RESULTS, 4 cells: active health checks. */
  healthChecks: REQUEST_CELLS + 66 + 3 * HISTOGRAM_COLUMNS,
  /** + PolicyReason, 9 cells: requests sent once more by policy. */
  policyRetries: REQUEST_CELLS + 73 + 3 * HISTOGRAM_COLUMNS,
  /** + RetryResult, 8 cells. */
  retryResults: REQUEST_CELLS + 82 + 3 * HISTOGRAM_COLUMNS,
  /** Attempts that had no response headers within their time. */
  perTryTimeouts: REQUEST_CELLS + 90 + 3 * HISTOGRAM_COLUMNS,
  /** + CircuitLimit, 3 cells: times a limit in number kept a request from an endpoint. */
  circuitOverflows: REQUEST_CELLS + 91 + 3 * HISTOGRAM_COLUMNS,
  /** Connections replaced because they had carried as many streams as they may. */
  connectionsReplaced: REQUEST_CELLS + 94 + 3 * HISTOGRAM_COLUMNS,
  /** Picks that looked beyond the slice of their tier, because it was busy. */
  subsetOverflows: REQUEST_CELLS + 95 + 3 * HISTOGRAM_COLUMNS,
  /** {@link SOURCE_CELLS} cells, where callers are known: finished requests once more, by source, for countSource. */
  sources: REQUEST_CELLS + 96 + 3 * HISTOGRAM_COLUMNS,
} as const;

/** Cells of {@link ClusterColumn.bytes}; a request travels towards the endpoint. */
export const ByteColumn = {
  requestSameZone: 0,
  requestCrossZone: 1,
  responseSameZone: 2,
  responseCrossZone: 3,
} as const;

/** Cells a row needs where callers are not known. */
export const CLUSTER_COUNTER_COLUMNS = ClusterColumn.sources;

const GAUGES = [
  ClusterColumn.retryBudgetUsed,
  ClusterColumn.streamsActive,
  ClusterColumn.streamsQueued,
  ClusterColumn.upstreamConnections,
  ClusterColumn.splicedConnections,
  ClusterColumn.loadReportStreams,
  ClusterColumn.spilledShare,
  ClusterColumn.loadRatio,
  ClusterColumn.panic,
  ClusterColumn.candidates,
];

/** What the main thread counts: it ejects, and checks health. Others may count refused ejections, too. */
const MAIN = {
  first: ClusterColumn.ejections,
  count: ClusterColumn.healthChecks + HEALTH_CHECK_RESULTS.length - ClusterColumn.ejections,
};

/** What is counted about one cluster, in a row for each worker and some cells of the main thread, which makes it with the cluster. */
export class ClusterCounters extends CounterRows {
  /** Whether requests are counted by source as well. */
  readonly hasSources: boolean;

  /**
   * @param buffer the memory of the one on the main thread; default: new, all zero.
   * @param hasSources whether callers are known in this process; default: no.
   */
  constructor(workerCount: number, buffer?: SharedArrayBuffer, hasSources = false) {
    const columns = CLUSTER_COUNTER_COLUMNS + (hasSources ? SOURCE_CELLS : 0);
    super(columns, GAUGES, workerCount, buffer, MAIN);
    this.hasSources = hasSources;
  }

  /** @returns finished requests of known callers, over all workers, by `source * REQUEST_CELLS + requestCell`. */
  bySource(): Map<number, number> {
    const counts = new Map<number, number>();
    if (!this.hasSources) return counts;
    for (let worker = 0; worker < this.workerCount; worker++)
      addSources(this.row(worker), ClusterColumn.sources, counts);
    return counts;
  }
}
