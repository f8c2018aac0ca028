import { monotonicClock } from "../base/clock.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { SET_ASIDE_REASONS } from "../resource/set-aside.ts";
import { CLUSTER_HISTOGRAMS, CLUSTER_MEANS, CLUSTER_SERIES, REQUEST_SERIES } from "./cluster-columns.ts";
import type { ClusterCounters } from "./cluster-counters.ts";
import { ClusterColumn } from "./cluster-counters.ts";
import type { Destination } from "./destination.ts";
import type { EndpointCounters } from "./endpoint-counters.ts";
import { countEndpointStates, countSetAside, ENDPOINT_STATES } from "./endpoint-states.ts";
import { HISTOGRAM_COLUMNS, HISTOGRAM_SUM } from "./histogram-buckets.ts";
import { METRIC } from "./metric-catalog.ts";
import { oldestReportAgeMs } from "./report-age.ts";
import type { SeriesAllocator, SeriesTarget } from "./series-allocator.ts";
import type { SourceNames } from "./source-names.ts";
import { SourceSeries } from "./source-series.ts";

const one = new Float64Array(1);
const histogram = new Float64Array(HISTOGRAM_COLUMNS);
const states = new Float64Array(ENDPOINT_STATES.length);
const aside = new Float64Array(SET_ASIDE_REASONS.length);

/** The series of one cluster, filled from its counters at each scrape. */
export class ClusterSeries {
  readonly counters: ClusterCounters;
  /** The version in force. */
  snapshot: ClusterSnapshot;

  readonly #allocator: SeriesAllocator;
  readonly #destination: Destination;
  readonly #endpointCounters: EndpointCounters;
  readonly #scalars: (SeriesTarget | undefined)[] = [];
  readonly #means: (SeriesTarget | undefined)[] = [];
  readonly #histograms: (SeriesTarget | undefined)[] = [];
  readonly #states: (SeriesTarget | undefined)[] = [];
  readonly #aside: (SeriesTarget | undefined)[] = [];
  #retryBudget: SeriesTarget | undefined;
  /** Whether a stream was ever opened towards an endpoint: of a service that nobody calls there is next to nothing to tell. */
  #isUsed = false;
  /** Undefined where no caller is known. */
  readonly #sources: SourceSeries | undefined;
  #reportAge: SeriesTarget | undefined;

  constructor(
    snapshot: ClusterSnapshot,
    counters: ClusterCounters,
    endpointCounters: EndpointCounters,
    allocator: SeriesAllocator,
    destination: Destination,
    sources: SourceNames | undefined,
  ) {
    this.snapshot = snapshot;
    this.counters = counters;
    this.#endpointCounters = endpointCounters;
    this.#allocator = allocator;
    this.#destination = destination;
    if (counters.hasSources && sources !== undefined)
      this.#sources = new SourceSeries(counters, sources, allocator, destination);
  }

  /** Reads the counters and puts every value in its place. */
  collect(): void {
    if (!this.#isUsed && this.counters.sum(ClusterColumn.attempts) > 0) {
      this.#isUsed = true;
      this.#retryBudget = this.#allocator.ownTarget(METRIC.retryBudget, this.#destination, {});
    }
    this.#sources?.each((target, count) => target.put(count));
    for (let i = 0; i < CLUSTER_SERIES.length; i++) this.#scalar(i)?.put(one);
    for (let i = 0; i < CLUSTER_MEANS.length; i++) this.#mean(i)?.put(one);
    for (let i = 0; i < CLUSTER_HISTOGRAMS.length; i++) this.#histogram(i)?.put(histogram);
    one[0] = 1 - this.counters.sum(ClusterColumn.retryBudgetUsed) / this.counters.workerCount;
    this.#retryBudget?.put(one);
    this.#collectReportAge();
    this.#eachState((target, count) => target.put(count));
  }

  /** Takes the cluster's series out of the exposition; totals folded into `other` stay there. */
  retire(): void {
    this.#sources?.each((target, count) => target.retire(count));
    for (let i = 0; i < CLUSTER_SERIES.length; i++) this.#scalar(i)?.retire(one);
    for (let i = 0; i < CLUSTER_MEANS.length; i++) this.#mean(i)?.retire(one);
    for (let i = 0; i < CLUSTER_HISTOGRAMS.length; i++) this.#histogram(i)?.retire(histogram);
    this.#retryBudget?.retire(one);
    this.#reportAge?.retire(one);
    this.#eachState((target, count) => target.retire(count));
  }

  #collectReportAge(): void {
    const ageMs = oldestReportAgeMs(this.snapshot, this.#endpointCounters.measures, monotonicClock.nowMs());
    if (ageMs < 0) return;
    one[0] = ageMs / 1000;
    this.#reportAge ??= this.#allocator.ownTarget(METRIC.loadReportAge, this.#destination, {});
    this.#reportAge?.put(one);
  }

  /** @returns where the i-th column goes, its present value being in `one`; undefined while it has none. */
  #scalar(i: number): SeriesTarget | undefined {
    const { metric, column, labels, fromStart } = CLUSTER_SERIES[i]!;
    const isOfUnknown = this.#sources !== undefined && i < REQUEST_SERIES.length;
    one[0] = isOfUnknown ? this.#sources!.unknown[column]! : this.counters.sum(column);
    if (one[0] !== 0 || (fromStart && this.#isUsed) || metric === METRIC.attempts)
      this.#scalars[i] ??= this.#allocator.target(metric, this.#destination, labels);
    return this.#scalars[i];
  }

  /** @returns where the i-th mean goes, its present value being in `one`; undefined while it has none. */
  #mean(i: number): SeriesTarget | undefined {
    const { metric, column } = CLUSTER_MEANS[i]!;
    one[0] = this.counters.sum(column) / this.counters.workerCount;
    if (one[0] !== 0) this.#means[i] ??= this.#allocator.ownTarget(metric, this.#destination, {});
    return this.#means[i];
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
    ENDPOINT_STATES.forEach((state, i) => {
      one[0] = states[i]!;
      if (one[0] > 0 || i === 0)
        this.#states[i] ??= this.#allocator.target(METRIC.endpoints, this.#destination, { state });
      if (this.#states[i] !== undefined) use(this.#states[i], one);
    });
    countSetAside(this.snapshot, this.#endpointCounters, aside);
    SET_ASIDE_REASONS.forEach((reason, i) => {
      one[0] = aside[i]!;
      if (one[0] > 0)
        this.#aside[i] ??= this.#allocator.target(METRIC.endpointsSetAside, this.#destination, { reason });
      if (this.#aside[i] !== undefined) use(this.#aside[i], one);
    });
  }
}
