import { HISTOGRAM_COLUMNS } from "./histogram-buckets.ts";
import type { Series } from "./series.ts";

/** One series that shows the sum of many clusters' values. */
export class FoldedSeries {
  readonly #series: Series;
  readonly #isTotal: boolean;
  readonly #sum = new Float64Array(HISTOGRAM_COLUMNS);
  /** What clusters that are gone have added: a total must not forget it. */
  readonly #kept = new Float64Array(HISTOGRAM_COLUMNS);

  /** @param isTotal whether values only grow: a counter or histogram, not a gauge. */
  constructor(series: Series, isTotal: boolean) {
    this.#series = series;
    this.#isTotal = isTotal;
  }

  /** Adds one cluster's present value to the sum of this scrape. */
  add(cells: Float64Array): void {
    addTo(this.#sum, cells);
  }

  /** Takes over the last value of a cluster that is gone. */
  keep(cells: Float64Array): void {
    if (this.#isTotal) addTo(this.#kept, cells);
  }

  /** Shows the sum and starts the next one. */
  publish(): void {
    addTo(this.#sum, this.#kept);
    this.#series.set(this.#sum);
    this.#sum.fill(0);
  }
}

function addTo(sum: Float64Array, cells: Float64Array): void {
  for (let i = 0; i < cells.length; i++) sum[i]! += cells[i]!;
}
