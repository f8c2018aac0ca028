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
    if (this.#budget.take(series.samples.length, octetsOf(series)))
      return new OwnTarget(family, series, this.#budget);
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
    this.#budget.give(this.#series.samples.length, octetsOf(this.#series));
  }
}

/** What a label has beside its name and value, and a line beside these: `="",`, and braces, a value of some digits, the line's end. */
const LABEL_OCTETS = 4;
const LINE_OCTETS = 10;

/** @returns about how long the series' lines are. */
function octetsOf({ samples }: Series): number {
  let octets = 0;
  for (const { metricName, labels, sharedLabels } of samples) {
    octets += metricName.length + LINE_OCTETS;
    for (const name in labels) octets += name.length + labels[name]!.length + LABEL_OCTETS;
    for (const name in sharedLabels) octets += name.length + sharedLabels[name]!.length + LABEL_OCTETS;
  }
  return octets;
}
