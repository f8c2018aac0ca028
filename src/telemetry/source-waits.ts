import type { Exposition } from "./exposition.ts";
import { METRIC } from "./metric-catalog.ts";
import { OTHER_SOURCE, SourceNames } from "./source-names.ts";
import type { WorkerCounters } from "./worker-counters.ts";
import { WorkerColumn } from "./worker-counters.ts";
import { WrittenSeries } from "./written-series.ts";

/** How long calls stood in line for an endpoint with room, where namespaces have turns; by the caller's namespace. */
export class SourceWaits {
  readonly #series: WrittenSeries;
  readonly #workers: WorkerCounters;
  readonly #names: SourceNames;
  readonly #waitedMs = new Float64Array(OTHER_SOURCE + 1);

  /** @param names of callers' namespaces; default: no caller is known. */
  constructor(exposition: Exposition, workers: WorkerCounters, names: SourceNames = new SourceNames()) {
    this.#series = new WrittenSeries(exposition);
    this.#workers = workers;
    this.#names = names;
  }

  /** Writes the values of now; who never waited has none. */
  collect(): void {
    this.#workers.sumInto(WorkerColumn.sourceWaitMs, this.#waitedMs);
    for (let source = 0; source <= OTHER_SOURCE; source++) {
      const waitedMs = this.#waitedMs[source]!;
      if (waitedMs === 0) continue;
      this.#series.set(
        METRIC.tenantThrottled,
        { src_namespace: this.#names.nameOf(source) },
        waitedMs / 1_000,
      );
    }
  }
}
