import type { Exposition } from "./exposition.ts";
import type { MetricDefinition } from "./metric-catalog.ts";
import type { Labels, Series } from "./series.ts";

/** Series of an exposition that are written when somebody looks, each made when it is first written. */
export class WrittenSeries {
  readonly #exposition: Exposition;
  readonly #series = new Map<string, Series>();
  readonly #cell = new Float64Array(1);

  constructor(exposition: Exposition) {
    this.#exposition = exposition;
  }

  /** @param value of a counter or gauge. */
  set(metric: MetricDefinition, labels: Labels, value: number): void {
    this.#cell[0] = value;
    this.of(metric, labels).set(this.#cell);
  }

  /** For metrics of several cells: histograms. */
  of(metric: MetricDefinition, labels: Labels): Series {
    const key = `${metric.name} ${Object.values(labels).join(" ")}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#exposition.family(metric).add(labels);
      this.#series.set(key, series);
    }
    return series;
  }
}
