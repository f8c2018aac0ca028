import type { ServiceModel } from "../resource/service.ts";
import type { ServiceObjectives } from "../resource/service-objectives.ts";
import { parseDestination } from "../telemetry/destination.ts";
import type { Exposition } from "../telemetry/exposition.ts";
import type { MetricDefinition } from "../telemetry/metric-catalog.ts";
import type { Series } from "../telemetry/series.ts";
import { SERVICE_METRIC as METRIC } from "./service-catalog.ts";

/** Services whose promises are shown: three lines each. */
const MAX_SERVICES = 2_000;

const VALUES: readonly (readonly [MetricDefinition, (slo: ServiceObjectives) => number | undefined])[] = [
  [METRIC.sloP95, ({ p95Ms }) => (p95Ms === undefined ? undefined : p95Ms / 1_000)],
  [METRIC.sloErrorRate, ({ errorRate }) => errorRate],
  [METRIC.sloSuccess, ({ success }) => success],
];

/** What services promise, as metrics: alerts are joined with them. */
export class ObjectiveMetrics {
  readonly #exposition: Exposition;
  readonly #shown = new Map<string, { readonly slo: ServiceObjectives; readonly series: Shown[] }>();

  constructor(exposition: Exposition) {
    this.#exposition = exposition;
  }

  /** Brings the series up to date. @param services all that there are. */
  collect(services: Iterable<ServiceModel>): void {
    const seen = new Set<string>();
    for (const { name, slo } of services) {
      if (slo === undefined || (seen.size >= MAX_SERVICES && !this.#shown.has(name))) continue;
      seen.add(name);
      const known = this.#shown.get(name);
      if (known?.slo === slo) continue;
      for (const each of known?.series ?? []) each.end();
      this.#shown.set(name, { slo, series: this.#begin(name, slo) });
    }
    for (const [name, { series }] of this.#shown) {
      if (seen.has(name)) continue;
      for (const each of series) each.end();
      this.#shown.delete(name);
    }
  }

  #begin(name: string, slo: ServiceObjectives): Shown[] {
    const labels = { ...parseDestination(name) };
    return VALUES.flatMap(([metric, read]) => {
      const value = read(slo);
      if (value === undefined) return [];
      const family = this.#exposition.family(metric);
      const series: Series = family.add(labels);
      series.set(Float64Array.of(value));
      return [{ end: () => family.delete(series) }];
    });
  }
}

/** A series that is shown. */
interface Shown {
  end(): void;
}
