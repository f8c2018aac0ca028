import type { Exposition } from "./exposition.ts";
import { CLOSE_NAMES, CloseReason, GuardCell, REFUSAL_NAMES } from "./guard-cell.ts";
import type { MetricDefinition } from "./metric-catalog.ts";
import { METRIC } from "./metric-catalog.ts";
import type { OverloadState } from "./overload-state.ts";
import { OVERLOAD_ACTION_NAMES, OverloadStage } from "./overload-state.ts";
import type { Labels } from "./series.ts";
import type { WorkerCounters } from "./worker-counters.ts";
import { WorkerColumn } from "./worker-counters.ts";

/** The metrics of limits, keepalive and overload. All are there from the start, so that an alert can be written on each. */
export class GuardMetrics {
  readonly #overload: OverloadState;
  readonly #workers: WorkerCounters;
  readonly #updates: (() => void)[] = [];

  constructor(exposition: Exposition, workers: WorkerCounters, overload: OverloadState) {
    this.#overload = overload;
    this.#workers = workers;
    const add = (metric: MetricDefinition, labels: Labels, value: () => number): void => {
      const series = exposition.family(metric).add(labels);
      const cell = new Float64Array(1);
      this.#updates.push(() => {
        cell[0] = value();
        series.set(cell);
      });
    };
    REFUSAL_NAMES.forEach((reason, i) => {
      add(METRIC.connectionsRefused, { reason }, () => this.#sum(GuardCell.refused + i));
    });
    CLOSE_NAMES.forEach((reason, i) => {
      add(METRIC.connectionsClosed, { reason }, () => this.#sum(GuardCell.closed + i));
    });
    const timeouts = GuardCell.closed + CloseReason.keepaliveTimeout;
    add(METRIC.keepalivePings, { peer: "downstream" }, () => this.#sum(GuardCell.downstreamPings));
    add(METRIC.keepalivePings, { peer: "upstream" }, () => this.#sum(GuardCell.upstreamPings));
    add(METRIC.keepaliveTimeouts, { peer: "downstream" }, () => this.#sum(timeouts));
    add(METRIC.keepaliveTimeouts, { peer: "upstream" }, () => this.#sum(GuardCell.upstreamTimeouts));
    add(METRIC.callers, {}, () => this.#sum(GuardCell.callers));
    add(METRIC.streamsRelieved, {}, () => this.#sum(GuardCell.relievedStreams));
    add(METRIC.overloadStage, {}, () => this.#overload.stage);
    add(METRIC.overloadMemory, { kind: "used" }, () => this.#overload.usedOctets);
    add(METRIC.overloadMemory, { kind: "limit" }, () => this.#overload.limitOctets);
    add(METRIC.overloadPaused, {}, () => this.#sum(GuardCell.pausedConnections));
    const [stopReading, refuseStreams, notReady] = OVERLOAD_ACTION_NAMES;
    add(METRIC.overloadActions, { action: stopReading }, () => this.#sum(GuardCell.readingStops));
    add(METRIC.overloadActions, { action: refuseStreams }, () => this.#sum(GuardCell.refusedStreams));
    add(METRIC.overloadActions, { action: notReady }, () =>
      this.#overload.timesEntered(OverloadStage.notReady),
    );
  }

  collect(): void {
    for (const update of this.#updates) update();
  }

  #sum(cell: number): number {
    return this.#workers.sum(WorkerColumn.guard + cell);
  }
}
