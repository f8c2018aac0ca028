import { POLICY_DROP_REASONS } from "../lb/module/policy-watch.ts";
import { REQUEST_SERIES } from "./cluster-columns.ts";
import { UNKNOWN_DESTINATION } from "./destination.ts";
import { ExplainCell } from "./explain-cell.ts";
import type { Exposition } from "./exposition.ts";
import { HISTOGRAM_COLUMNS } from "./histogram-buckets.ts";
import { HTTP2_ERROR_NAMES } from "./http2-error-name.ts";
import { METRIC } from "./metric-catalog.ts";
import type { SeriesBudget } from "./series-budget.ts";
import type { ThreadRestarts } from "./thread-restarts.ts";
import { DEATH_CAUSES, THREAD_KINDS } from "./thread-restarts.ts";
import type { WorkerCounters } from "./worker-counters.ts";
import { DOWNSTREAM_PROTOCOL_NAMES, FLOOD_KIND_NAMES, WorkerColumn } from "./worker-counters.ts";
import { WrittenSeries } from "./written-series.ts";

/** The numbers of `process.memoryUsage()` that are shown, in octets. */
export interface MemoryUsage {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** The metrics that are told once per process or worker. */
export class ProcessMetrics {
  readonly #workers: WorkerCounters;
  readonly #restarts: ThreadRestarts;
  readonly #budget: SeriesBudget;
  readonly #series: WrittenSeries;
  readonly #stall = new Float64Array(HISTOGRAM_COLUMNS);

  constructor(
    exposition: Exposition,
    workers: WorkerCounters,
    restarts: ThreadRestarts,
    budget: SeriesBudget,
  ) {
    this.#series = new WrittenSeries(exposition);
    this.#workers = workers;
    this.#restarts = restarts;
    this.#budget = budget;
  }

  /** @param nowMs milliseconds since 1970. */
  collect(nowMs: number, memory: MemoryUsage): void {
    for (const { labels, column } of REQUEST_SERIES) {
      const count = this.#workers.sum(WorkerColumn.unroutedRequests + column);
      if (count > 0) this.#series.set(METRIC.requests, { ...UNKNOWN_DESTINATION, ...labels }, count);
    }
    this.#collectConnections();
    this.#collectWorkers(nowMs);
    this.#series.set(METRIC.streamsStarted, {}, this.#workers.sum(WorkerColumn.streamsStarted));
    const explain = WorkerColumn.explain;
    this.#series.set(
      METRIC.explainRecords,
      { result: "recorded" },
      this.#sum(explain + ExplainCell.recorded),
    );
    this.#series.set(METRIC.explainRecords, { result: "too_long" }, this.#sum(explain + ExplainCell.tooLong));
    this.#series.set(
      METRIC.explainRequests,
      { result: "answered" },
      this.#sum(explain + ExplainCell.answered),
    );
    this.#series.set(METRIC.explainRequests, { result: "refused" }, this.#sum(explain + ExplainCell.refused));
    this.#series.set(METRIC.heapAllocated, {}, this.#workers.sum(WorkerColumn.heapAllocatedOctets));
    this.#series.set(METRIC.memory, { kind: "rss" }, memory.rss);
    this.#series.set(METRIC.memory, { kind: "main_heap" }, memory.heapUsed);
    this.#series.set(METRIC.memory, { kind: "main_external" }, memory.external);
    this.#series.set(METRIC.memory, { kind: "worker_heap" }, this.#workers.sum(WorkerColumn.heapUsedOctets));
    this.#series.set(METRIC.memory, { kind: "slab_used" }, this.#workers.sum(WorkerColumn.slabUsedOctets));
    this.#series.set(
      METRIC.memory,
      { kind: "slab_capacity" },
      this.#workers.sum(WorkerColumn.slabCapacityOctets),
    );
    this.#series.set(METRIC.seriesCount, {}, this.#budget.used);
    this.#series.set(METRIC.seriesOverflow, {}, this.#budget.overflowed);
  }

  #collectConnections(): void {
    DOWNSTREAM_PROTOCOL_NAMES.forEach((protocol, cell) => {
      this.#series.set(
        METRIC.downstreamConnections,
        { protocol },
        this.#sum(WorkerColumn.downstreamConnections + cell),
      );
    });
    FLOOD_KIND_NAMES.forEach((attack, cell) => {
      this.#series.set(METRIC.floodClosed, { attack }, this.#sum(WorkerColumn.floodClosed + cell));
    });
    POLICY_DROP_REASONS.forEach((reason, cell) => {
      const dropped = this.#sum(WorkerColumn.policiesDropped + cell);
      this.#series.set(METRIC.policiesDropped, { reason }, dropped);
    });
    this.#series.set(METRIC.resetsSuppressed, {}, this.#sum(WorkerColumn.resetsSuppressed));
    HTTP2_ERROR_NAMES.forEach((error_code, cell) => {
      const fromClients = this.#sum(WorkerColumn.downstreamProtocolErrors + cell);
      const fromEndpoints = this.#sum(WorkerColumn.upstreamProtocolErrors + cell);
      if (fromClients > 0)
        this.#series.set(METRIC.protocolErrors, { peer: "downstream", error_code }, fromClients);
      if (fromEndpoints > 0)
        this.#series.set(METRIC.protocolErrors, { peer: "upstream", error_code }, fromEndpoints);
    });
  }

  #collectWorkers(nowMs: number): void {
    this.#workers.sumInto(WorkerColumn.stall, this.#stall);
    this.#series.of(METRIC.workerStall, {}).set(this.#stall);
    for (const thread of THREAD_KINDS)
      for (const reason of DEATH_CAUSES)
        this.#series.set(METRIC.threadRestarts, { thread, reason }, this.#restarts.of(thread, reason));
    for (let worker = 0; worker < this.#workers.workerCount; worker++) {
      const heartbeatMs = this.#workers.row(worker)[WorkerColumn.heartbeatMs]!;
      if (heartbeatMs === 0) continue;
      const ageSeconds = Math.max(0, nowMs - heartbeatMs) / 1000;
      this.#series.set(METRIC.workerHeartbeatAge, { worker: String(worker) }, ageSeconds);
    }
  }

  #sum(column: number): number {
    return this.#workers.sum(column);
  }
}
