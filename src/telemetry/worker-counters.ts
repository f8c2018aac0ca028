import { CounterRows } from "./counter-rows.ts";
import { EXPLAIN_CELLS } from "./explain-cell.ts";
import { GUARD_CELLS, GUARD_GAUGES } from "./guard-cell.ts";
import { HISTOGRAM_COLUMNS } from "./histogram-buckets.ts";
import { PORT_CELLS } from "./port-cell.ts";
import { REQUEST_CELLS } from "./request-cell.ts";
import { OTHER_SOURCE } from "./source-names.ts";

/** Protocol of a downstream connection, as added to {@link WorkerColumn.downstreamConnections}. */
export const DownstreamProtocol = { h2c: 0, tls: 1, http1: 2, tcp: 3 } as const;
export type DownstreamProtocol = (typeof DownstreamProtocol)[keyof typeof DownstreamProtocol];
/** Label value by protocol. */
export const DOWNSTREAM_PROTOCOL_NAMES = ["h2c", "tls", "http1", "tcp"] as const;

/** Why a connection was closed on its peer as an attack, as added to {@link WorkerColumn.floodClosed}. */
export const FloodKind = {
  reset: 0,
  ping: 1,
  settings: 2,
  emptyFrame: 3,
  continuation: 4,
  windowUpdate: 5,
  provokedReset: 6,
} as const;
/** Label value by kind. */
export const FLOOD_KIND_NAMES = [
  "reset",
  "ping",
  "settings",
  "empty_frame",
  "continuation",
  "window_update",
  "provoked_reset",
] as const;

/** HTTP/2 error codes that are told apart, 0 to 13; the cell after them takes all others. */
export const ERROR_CODE_CELLS = 15;

/** Where the cells of each later part begin. */
const GUARD = REQUEST_CELLS + 48 + HISTOGRAM_COLUMNS;
const PORT = GUARD + GUARD_CELLS;
const LEDGER = PORT + PORT_CELLS;

/** Columns of a worker's counter row; those that name several cells are the first of them. */
export const WorkerColumn = {
  /** + requestCell(grpcStatus, flag): finished requests that no cluster was found for. */
  unroutedRequests: 0,
  /** + DownstreamProtocol, 4 cells. Gauge: open connections. */
  downstreamConnections: REQUEST_CELLS,
  /** Gauge: octets handed out by the slab, and what it has in all. */
  slabUsedOctets: REQUEST_CELLS + 4,
  slabCapacityOctets: REQUEST_CELLS + 5,
  /** Gauge: heap of the worker, in octets. */
  heapUsedOctets: REQUEST_CELLS + 6,
  /** Gauge: when the worker's timer last ran, as milliseconds since 1970; threads share no monotonic zero. */
  heartbeatMs: REQUEST_CELLS + 7,
  /** Streams whose reset towards an endpoint was kept back by the token bucket and whose rest was read and dropped. */
  resetsSuppressed: REQUEST_CELLS + 8,
  /** + FloodKind, 8 cells reserved. */
  floodClosed: REQUEST_CELLS + 9,
  /** + errorCodeCell, 15 cells: connections ended for a protocol error of the client. */
  downstreamProtocolErrors: REQUEST_CELLS + 17,
  /** + errorCodeCell, 15 cells: connections ended for a protocol error of the endpoint. */
  upstreamProtocolErrors: REQUEST_CELLS + 32,
  /** Histogram for observeMs: how late the worker's timer ran. */
  stall: REQUEST_CELLS + 47,
  /** What the worker has allocated on its JavaScript heap since its start, in octets; 0 where Node does not say. */
  heapAllocatedOctets: REQUEST_CELLS + 47 + HISTOGRAM_COLUMNS,
  /** + GuardCell, 32 cells. */
  guard: GUARD,
  /** + PortCell, 32 cells. */
  port: PORT,
  /** Requests that have begun; each is counted once more when it ends. */
  streamsStarted: LEDGER,
  /** + ExplainCell, 8 cells. */
  explain: LEDGER + 1,
  /** Requests that waited for the control plane to say where their authority leads. */
  requestsHeld: LEDGER + 1 + EXPLAIN_CELLS,
  /** + place in POLICY_DROP_REASONS, 4 cells: policies of one's own that were dropped. */
  policiesDropped: LEDGER + 2 + EXPLAIN_CELLS,
  /** + number of the caller's namespace (source-names.ts), 4,096 cells: time that requests stood in line, in ms. */
  sourceWaitMs: LEDGER + 6 + EXPLAIN_CELLS,
  /** + number of the caller's namespace, as many cells. Gauge: open HTTP/2 connections of its captured pods. */
  sourceChannels: LEDGER + 6 + EXPLAIN_CELLS + OTHER_SOURCE + 1,
} as const;

/** Cells a row needs. */
export const WORKER_COUNTER_COLUMNS = WorkerColumn.sourceChannels + OTHER_SOURCE + 1;

/** @returns the cell of an HTTP/2 error code, from the first of its columns. */
export function errorCodeCell(errorCode: number): number {
  return errorCode >= 0 && errorCode < ERROR_CODE_CELLS - 1 ? errorCode : ERROR_CODE_CELLS - 1;
}

const GAUGES = [
  ...DOWNSTREAM_PROTOCOL_NAMES.map((_, protocol) => WorkerColumn.downstreamConnections + protocol),
  WorkerColumn.slabUsedOctets,
  WorkerColumn.slabCapacityOctets,
  WorkerColumn.heapUsedOctets,
  WorkerColumn.heartbeatMs,
  ...GUARD_GAUGES.map((cell) => WorkerColumn.guard + cell),
  ...Array.from({ length: OTHER_SOURCE + 1 }, (_, source) => WorkerColumn.sourceChannels + source),
];

/** What is counted about workers rather than clusters. */
export class WorkerCounters extends CounterRows {
  /** @param buffer the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, buffer?: SharedArrayBuffer) {
    super(WORKER_COUNTER_COLUMNS, GAUGES, workerCount, buffer);
  }
}
