import type { MetricDefinition } from "./metric-catalog.ts";
import type { Labels, Sample, Series } from "./series.ts";
import { HistogramSeries, ScalarSeries } from "./series.ts";

/**
 * All series of one metric, as a metric prom-client can render. Its values are not counted here: whoever owns a series
 * sets it from shared memory when a scrape asks.
 *
 * prom-client's own Counter and Histogram hash a label object for every value they are given and render a metric in
 * one go; this one keeps its lines from scrape to scrape and shows them in windows.
 */
export class MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricDefinition["type"];

  readonly #series = new Set<Series>();
  #window: readonly Sample[] = [];

  constructor(definition: MetricDefinition) {
    this.name = definition.name;
    this.help = definition.help;
    this.type = definition.type;
  }

  /** @param labels values for all label names of the metric, a combination it does not have yet. */
  add(labels: Labels): Series {
    const series =
      this.type === "histogram"
        ? new HistogramSeries(this.name, labels)
        : new ScalarSeries(this.name, labels);
    this.#series.add(series);
    return series;
  }

  delete(series: Series): void {
    this.#series.delete(series);
  }

  /**
   * Makes {@link get} give part after part: after each step it gives the next lines, whole series, about `lineCount`.
   * There is one step at least, so that a metric without series still has its description.
   */
  *windows(lineCount: number): Generator<void> {
    let lines: Sample[] = [];
    let isFirst = true;
    for (const series of this.#series) {
      lines.push(...series.samples);
      if (lines.length < lineCount) continue;
      this.#window = lines;
      yield;
      isFirst = false;
      lines = [];
    }
    this.#window = lines;
    if (isFirst || lines.length > 0) yield;
    this.#window = [];
  }

  /** prom-client's side: the lines to render now. */
  async get(): Promise<object> {
    return { name: this.name, help: this.help, type: this.type, values: this.#window, aggregator: "sum" };
  }
}
