import { releaseFields } from "../h2/hpack/release-fields.ts";
import { TRAILERS_HEAD_OCTETS } from "../h2/stream/stream-life.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { observeMs } from "../telemetry/histogram-buckets.ts";
import { requestCell } from "../telemetry/request-cell.ts";
import { RetryResult } from "../telemetry/retry-result.ts";
import { countSource } from "../telemetry/source-cells.ts";
import { UNKNOWN_SOURCE } from "../telemetry/source-names.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import { ExchangeBit } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";

/** Drops the held copy of a request: from now on it cannot be moved. */
export function dropHeldRequest(context: ProxyContext, slot: number): void {
  const { exchanges, engine } = context;
  exchanges.bits[slot]! &= ~ExchangeBit.movable;
  const block = exchanges.headBlock[slot]!;
  if (block !== 0) {
    exchanges.headBlock[slot] = 0;
    releaseFields(engine.slab, engine.pool, block, exchanges.headOctets[slot]!);
    engine.slab.free(block);
  }
  const trailers = exchanges.trailersBlock[slot]!;
  if (trailers !== 0) {
    exchanges.trailersBlock[slot] = 0;
    const fields = trailers + TRAILERS_HEAD_OCTETS;
    releaseFields(engine.slab, engine.pool, fields, exchanges.trailersOctets[slot]!);
    engine.slab.free(trailers);
  }
  if (exchanges.replay.head[slot] !== 0) exchanges.replay.clear(slot);
}

/** Counts the end of an exchange, once. */
export function countEnd(context: ProxyContext, slot: number): void {
  const { exchanges, time, accessLog, tracer } = context;
  if (exchanges.bits[slot]! & ExchangeBit.finished) return;
  exchanges.bits[slot]! |= ExchangeBit.finished;
  if (accessLog.enabled) {
    const opened = exchanges.openedMs[slot]! > 0;
    const target = opened ? context.subchannels[exchanges.endpoint[slot]!]?.options : undefined;
    const name = context.clusters[exchanges.cluster[slot]!]?.snapshot.name ?? "";
    accessLog.end(exchanges, slot, name, context.routes?.nameOf(slot) ?? "", target, time.nowMs);
  }
  // A response that ended without any status is UNKNOWN to a gRPC client; a plain HTTP one is not judged.
  const grpc = (exchanges.bits[slot]! & ExchangeBit.grpc) !== 0;
  const status = exchanges.grpcStatus[slot]! < 0 ? (grpc ? 2 : 0) : exchanges.grpcStatus[slot]!;
  const cell = requestCell(status, exchanges.flag[slot]!);
  const cluster = context.clusters[exchanges.cluster[slot]!];
  if (exchanges.bits[slot]! & ExchangeBit.traced) {
    tracer.end(exchanges, slot, { cluster, route: context.routes?.nameOf(slot) ?? "", status }, time.nowMs);
  }
  if (cluster === undefined) {
    context.workerRow[WorkerColumn.unroutedRequests + cell]!++;
    return;
  }
  const { row } = cluster;
  const source = exchanges.source[slot]!;
  // Before the total: who reads that first finds none that is of nobody.
  if (source !== UNKNOWN_SOURCE) countSource(row, ClusterColumn.sources, source, cell);
  row[ClusterColumn.requests + cell]!++;
  if (exchanges.retried[slot]! > 0) {
    row[ClusterColumn.retryResults + (status === 0 ? RetryResult.succeeded : RetryResult.failed)]!++;
  }
  row[ClusterColumn.streamsActive]!--;
  const start = exchanges.startMs[slot]!;
  observeMs(row, ClusterColumn.duration, time.nowMs - start);
  const opened = exchanges.openedMs[slot]!;
  if (opened > 0) observeMs(row, ClusterColumn.overhead, opened - start);
}
