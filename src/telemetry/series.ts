import { BUCKET_BOUNDS_SECONDS, HISTOGRAM_SUM } from "./histogram-buckets.ts";

/** Label values by label name. Made once per series: its text is cached by identity. */
export type Labels = Readonly<Record<string, string>>;

/** One line of the exposition, in the shape prom-client renders; lives as long as its series. */
export interface Sample {
  readonly metricName: string;
  /** Only a bucket's `le`. */
  readonly labels: Labels;
  /** The labels of the series; prom-client renders an object given here once and keeps the text. */
  readonly sharedLabels: Labels;
  value: number;
}

const NO_LABELS: Labels = {};
const BUCKET_LABELS: readonly Labels[] = [...BUCKET_BOUNDS_SECONDS.map(String), "+Inf"].map((le) => ({ le }));
const BUCKETS = BUCKET_LABELS.length;

/** One metric with one set of labels. */
export interface Series {
  readonly samples: readonly Sample[];
  /** Takes the present value; the caller keeps `cells` and may change it. */
  set(cells: Float64Array): void;
}

/** A counter or gauge with its labels. */
export class ScalarSeries implements Series {
  readonly samples: readonly [Sample];

  constructor(name: string, labels: Labels) {
    this.samples = [{ metricName: name, labels: NO_LABELS, sharedLabels: labels, value: 0 }];
  }

  /** @param cells its value, in the first. */
  set(cells: Float64Array): void {
    this.samples[0].value = cells[0]!;
  }
}

/** A histogram with its labels. */
export class HistogramSeries implements Series {
  readonly samples: readonly Sample[];

  constructor(name: string, labels: Labels) {
    const line = (metricName: string, own: Labels): Sample => ({
      metricName,
      labels: own,
      sharedLabels: labels,
      value: 0,
    });
    this.samples = [
      ...BUCKET_LABELS.map((le) => line(`${name}_bucket`, le)),
      line(`${name}_sum`, NO_LABELS),
      line(`${name}_count`, NO_LABELS),
    ];
  }

  /**
   * @param cells a histogram as observeMs fills it. Buckets are made cumulative here, and the count is their sum, so
   *   that the lines agree with each other although a worker may be counting on.
   */
  set(cells: Float64Array): void {
    let count = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      count += cells[bucket]!;
      this.samples[bucket]!.value = count;
    }
    this.samples[BUCKETS]!.value = cells[HISTOGRAM_SUM]! / 1000;
    this.samples[BUCKETS + 1]!.value = count;
  }
}
