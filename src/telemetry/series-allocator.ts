import type { Destination } from "./destination.ts";
import { OTHER_DESTINATION } from "./destination.ts";
import type { Exposition } from "./exposition.ts";
import { FoldedSeries } from "./folded-series.ts";
import type { MetricDefinition } from "./metric-catalog.ts";
import type { MetricFamily } from "./metric-family.ts";
import type { Labels, Series } from "./series.ts";
import type { SeriesBudget } from "./series-budget.ts";

/** Where a cluster puts one of its values at each scrape: a series of its own, or a share in one of `other`. */
export interface SeriesTarget {
  /** Takes the present value. */
  put(cells: Float64Array): void;
  /** Ends the use, when the cluster is gone. @param cells the last value: a total in `other` keeps it. */
  retire(cells: Float64Array): void;
}

/**
 * Hands out series below the limit, and shares in `other` beyond it. What once is in `other` stays there: taken out
 * again, its total would go down.
 */
export class SeriesAllocator {
  readonly #exposition: Exposition;
  readonly #budget: SeriesBudget;
  readonly #folded = new Map<string, FoldedSeries>();

  constructor(exposition: Exposition, budget: SeriesBudget) {
    this.#exposition = exposition;
    this.#budget = budget;
  }

  target(metric: MetricDefinition, destination: Destination, labels: Labels): SeriesTarget {
    return this.ownTarget(metric, destination, labels) ?? this.#share(metric, labels);
  }

  /** For values that cannot be added up. @returns undefined when there is no room. */
  ownTarget(metric: MetricDefinition, destination: Destination, labels: Labels): SeriesTarget | undefined {
    const family = this.#exposition.family(metric);
    const series = family.add({ ...destination, ...labels });
    const lines = series.samples.length;
    if (this.#budget.take(lines)) return new OwnTarget(family, series, this.#budget);
    family.delete(series);
    return undefined;
  }

  /** Shows the sums in `other`; after every cluster has put its values. */
  publish(): void {
    for (const folded of this.#folded.values()) folded.publish();
  }

  #share(metric: MetricDefinition, labels: Labels): SeriesTarget {
    const key = `${metric.name} ${Object.values(labels).join(" ")}`;
    let folded = this.#folded.get(key);
    if (folded === undefined) {
      const series = this.#exposition.family(metric).add({ ...OTHER_DESTINATION, ...labels });
      folded = new FoldedSeries(series, metric.type !== "gauge");
      this.#folded.set(key, folded);
    }
    const share = folded;
    return {
      put: (cells) => share.add(cells),
      retire: (cells) => {
        share.keep(cells);
        this.#budget.overflowed--;
      },
    };
  }
}

class OwnTarget implements SeriesTarget {
  readonly #family: MetricFamily;
  readonly #series: Series;
  readonly #budget: SeriesBudget;

  constructor(family: MetricFamily, series: Series, budget: SeriesBudget) {
    this.#family = family;
    this.#series = series;
    this.#budget = budget;
  }

  put(cells: Float64Array): void {
    this.#series.set(cells);
  }

  retire(): void {
    this.#family.delete(this.#series);
    this.#budget.used -= this.#series.samples.length;
  }
}
