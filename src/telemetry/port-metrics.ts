import type { Exposition } from "./exposition.ts";
import type { MetricDefinition } from "./metric-catalog.ts";
import { METRIC } from "./metric-catalog.ts";
import { PORT_REFUSAL_NAMES, PortCell, TUNNEL_RESULT_NAMES } from "./port-cell.ts";
import type { Labels } from "./series.ts";
import type { WorkerCounters } from "./worker-counters.ts";
import { WorkerColumn } from "./worker-counters.ts";

/** The metrics of what arrives on the listeners, there from the start. */
export class PortMetrics {
  readonly #updates: (() => void)[] = [];

  constructor(exposition: Exposition, workers: WorkerCounters) {
    const add = (metric: MetricDefinition, labels: Labels, cell: number): void => {
      const series = exposition.family(metric).add(labels);
      const value = new Float64Array(1);
      this.#updates.push(() => {
        value[0] = workers.sum(WorkerColumn.port + cell);
        series.set(value);
      });
    };
    for (const [i, reason] of PORT_REFUSAL_NAMES.entries()) {
      add(METRIC.connectionsRefused, { reason }, PortCell.refused + i);
    }
    for (const [i, result] of TUNNEL_RESULT_NAMES.entries()) {
      add(METRIC.connectRequests, { result }, PortCell.tunnels + i);
    }
    add(METRIC.acceptErrors, {}, PortCell.acceptErrors);
  }

  collect(): void {
    for (const update of this.#updates) update();
  }
}
