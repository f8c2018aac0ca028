import { REQUEST_SERIES } from "./cluster-columns.ts";
import type { ClusterCounters } from "./cluster-counters.ts";
import { ClusterColumn } from "./cluster-counters.ts";
import type { Destination } from "./destination.ts";
import { METRIC } from "./metric-catalog.ts";
import { REQUEST_CELLS } from "./request-cell.ts";
import type { SeriesAllocator, SeriesTarget } from "./series-allocator.ts";
import type { SourceNames } from "./source-names.ts";

const one = new Float64Array(1);
const totals = new Float64Array(REQUEST_CELLS);

/** The series of one cluster's requests whose callers are known, by their namespace; one each for what has occurred. */
export class SourceSeries {
  /** By requestCell: requests of callers that are not known, as of the last {@link each}. */
  readonly unknown: Float64Array = new Float64Array(REQUEST_CELLS);
  readonly #counters: ClusterCounters;
  readonly #names: SourceNames;
  readonly #allocator: SeriesAllocator;
  readonly #destination: Destination;
  /** By key, as {@link ClusterCounters.bySource} has it. */
  readonly #targets = new Map<number, SeriesTarget>();

  constructor(
    counters: ClusterCounters,
    names: SourceNames,
    allocator: SeriesAllocator,
    destination: Destination,
  ) {
    this.#counters = counters;
    this.#names = names;
    this.#allocator = allocator;
    this.#destination = destination;
  }

  /** Reads the counters anew. @param use is given every series with its present count, in the first cell, good during the call. */
  each(use: (target: SeriesTarget, count: Float64Array) => void): void {
    // The totals first: a worker counts the other way round, so that a request between the two looks is nobody's in neither.
    this.#counters.sumInto(ClusterColumn.requests, totals);
    for (const [key, count] of this.#counters.bySource()) {
      totals[key % REQUEST_CELLS]! -= count;
      one[0] = count;
      use(this.#targetOf(key), one);
    }
    // Such a request makes the difference too small, for once: a counter never goes down.
    for (let cell = 0; cell < REQUEST_CELLS; cell++) {
      this.unknown[cell] = Math.max(this.unknown[cell]!, totals[cell]!);
    }
  }

  #targetOf(key: number): SeriesTarget {
    let target = this.#targets.get(key);
    if (target === undefined) {
      const src_namespace = this.#names.nameOf(Math.floor(key / REQUEST_CELLS));
      // In the order of cells; the names of labels in the same order as those of unknown callers.
      const labels = { ...REQUEST_SERIES[key % REQUEST_CELLS]!.labels, src_namespace };
      target = this.#allocator.target(METRIC.requests, this.#destination, labels);
      this.#targets.set(key, target);
    }
    return target;
  }
}
