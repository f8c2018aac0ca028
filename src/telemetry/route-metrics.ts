import { parseDestination } from "./destination.ts";
import type { Exposition } from "./exposition.ts";
import type { MetricDefinition } from "./metric-catalog.ts";
import { METRIC } from "./metric-catalog.ts";
import type { RouteCounters } from "./route-counters.ts";
import { RouteCell, routeColumn } from "./route-counters.ts";
import type { Labels, Series } from "./series.ts";

/** A series of the route counters, by name. */
export interface RouteSeries {
  /** "other" for all that found no number of their own. */
  readonly route: string;
  /** "" where the route leaves the cluster that the authority names. */
  readonly cluster: string;
}

/** The metrics of routes: those of the first configuration that has any on, and of every series since. */
export class RouteMetrics {
  readonly #exposition: Exposition;
  readonly #series: (() => void)[] = [];
  readonly #value = new Float64Array(1);

  constructor(exposition: Exposition) {
    this.#exposition = exposition;
  }

  /** A series has got a number. */
  add({ route, cluster }: RouteSeries, number: number, counters: RouteCounters): void {
    const show = (metric: MetricDefinition, labels: Labels, cell: number, fromStart: boolean): void => {
      let series: Series | undefined;
      this.#series.push(() => {
        this.#value[0] = counters.sum(routeColumn(number, cell));
        if (this.#value[0] !== 0 || fromStart) series ??= this.#exposition.family(metric).add(labels);
        series?.set(this.#value);
      });
    };
    const labels = { route, ...parseDestination(cluster) };
    show(METRIC.routeRequests, labels, RouteCell.requests, true);
    show(METRIC.routeFallbacks, { ...labels, result: "any" }, RouteCell.fallbacks, false);
    show(METRIC.routeFallbacks, { ...labels, result: "failed" }, RouteCell.refused, false);
    show(METRIC.routeMirrors, { ...labels, result: "sent" }, RouteCell.mirrored, false);
    show(METRIC.routeMirrors, { ...labels, result: "dropped" }, RouteCell.mirrorsDropped, false);
    show(METRIC.routeMirrors, { ...labels, result: "cut" }, RouteCell.mirrorsCut, false);
  }

  collect(): void {
    for (const series of this.#series) series();
  }
}
