import { CounterRows } from "./counter-rows.ts";
import { HISTOGRAM_COLUMNS } from "./histogram-buckets.ts";
import { REQUEST_CELLS } from "./request-cell.ts";

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
} as const;

/** Cells of {@link ClusterColumn.bytes}; a request travels towards the endpoint. */
export const ByteColumn = {
  requestSameZone: 0,
  requestCrossZone: 1,
  responseSameZone: 2,
  responseCrossZone: 3,
} as const;

/** Cells a row needs. */
export const CLUSTER_COUNTER_COLUMNS = REQUEST_CELLS + 38 + 3 * HISTOGRAM_COLUMNS;

const GAUGES = [
  ClusterColumn.retryBudgetUsed,
  ClusterColumn.streamsActive,
  ClusterColumn.streamsQueued,
  ClusterColumn.upstreamConnections,
  ClusterColumn.splicedConnections,
];

/** What is counted about one cluster: made by the main thread with the cluster, opened by each worker. */
export class ClusterCounters extends CounterRows {
  /** @param buffer the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, buffer?: SharedArrayBuffer) {
    super(CLUSTER_COUNTER_COLUMNS, GAUGES, workerCount, buffer);
  }
}
