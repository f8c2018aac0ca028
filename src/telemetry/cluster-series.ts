import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { CLUSTER_HISTOGRAMS, CLUSTER_SERIES } from "./cluster-columns.ts";
import type { ClusterCounters } from "./cluster-counters.ts";
import { ClusterColumn } from "./cluster-counters.ts";
import type { Destination } from "./destination.ts";
import { parseDestination } from "./destination.ts";
import type { EndpointCounters } from "./endpoint-counters.ts";
import { countEndpointStates, ENDPOINT_STATES } from "./endpoint-states.ts";
import { HISTOGRAM_COLUMNS, HISTOGRAM_SUM } from "./histogram-buckets.ts";
import { METRIC } from "./metric-catalog.ts";
import type { SeriesAllocator, SeriesTarget } from "./series-allocator.ts";

const one = new Float64Array(1);
const histogram = new Float64Array(HISTOGRAM_COLUMNS);
const states = new Float64Array(ENDPOINT_STATES.length);

/** The series of one cluster, filled from its counters at each scrape. */
export class ClusterSeries {
  readonly counters: ClusterCounters;
  /** The version in force. */
  snapshot: ClusterSnapshot;

  readonly #allocator: SeriesAllocator;
  readonly #destination: Destination;
  readonly #endpointCounters: EndpointCounters;
  readonly #scalars: (SeriesTarget | undefined)[] = [];
  readonly #histograms: (SeriesTarget | undefined)[] = [];
  readonly #states: readonly SeriesTarget[];
  readonly #retryBudget: SeriesTarget | undefined;

  constructor(
    snapshot: ClusterSnapshot,
    counters: ClusterCounters,
    endpointCounters: EndpointCounters,
    allocator: SeriesAllocator,
  ) {
    this.snapshot = snapshot;
    this.counters = counters;
    this.#endpointCounters = endpointCounters;
    this.#allocator = allocator;
    this.#destination = parseDestination(snapshot.name);
    this.#states = ENDPOINT_STATES.map((state) =>
      allocator.target(METRIC.endpoints, this.#destination, { state }),
    );
    this.#retryBudget = allocator.ownTarget(METRIC.retryBudget, this.#destination, {});
  }

  /** Reads the counters and puts every value in its place. */
  collect(): void {
    for (let i = 0; i < CLUSTER_SERIES.length; i++) this.#scalar(i)?.put(one);
    for (let i = 0; i < CLUSTER_HISTOGRAMS.length; i++) this.#histogram(i)?.put(histogram);
    one[0] = 1 - this.counters.sum(ClusterColumn.retryBudgetUsed) / this.counters.workerCount;
    this.#retryBudget?.put(one);
    this.#eachState((target, count) => target.put(count));
  }

  /** Takes the cluster's series out of the exposition; totals folded into `other` stay there. */
  retire(): void {
    for (let i = 0; i < CLUSTER_SERIES.length; i++) this.#scalar(i)?.retire(one);
    for (let i = 0; i < CLUSTER_HISTOGRAMS.length; i++) this.#histogram(i)?.retire(histogram);
    this.#retryBudget?.retire(one);
    this.#eachState((target, count) => target.retire(count));
  }

  /** @returns where the i-th column goes, its present value being in `one`; undefined while it has none. */
  #scalar(i: number): SeriesTarget | undefined {
    const { metric, column, labels, fromStart } = CLUSTER_SERIES[i]!;
    one[0] = this.counters.sum(column);
    if (one[0] !== 0 || fromStart)
      this.#scalars[i] ??= this.#allocator.target(metric, this.#destination, labels);
    return this.#scalars[i];
  }

  /** @returns where the i-th histogram goes, its present cells being in `histogram`; undefined while it is empty. */
  #histogram(i: number): SeriesTarget | undefined {
    const { metric, column } = CLUSTER_HISTOGRAMS[i]!;
    this.counters.sumInto(column, histogram);
    const hasCounts = histogram.some((count, cell) => cell !== HISTOGRAM_SUM && count > 0);
    if (hasCounts) this.#histograms[i] ??= this.#allocator.target(metric, this.#destination, {});
    return this.#histograms[i];
  }

  #eachState(use: (target: SeriesTarget, count: Float64Array) => void): void {
    countEndpointStates(this.snapshot, this.#endpointCounters, states);
    this.#states.forEach((target, i) => {
      one[0] = states[i]!;
      use(target, one);
    });
  }
}
