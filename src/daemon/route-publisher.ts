import type { Config } from "../config/config.ts";
import { configVersion } from "../config/config-version.ts";
import { routesFromConfig } from "../discovery/routes-from-config.ts";
import type { Route, RouteConfiguration } from "../resource/route.ts";
import { MAX_ROUTE_SERIES, RouteCell, RouteCounters, routeColumn } from "../telemetry/route-counters.ts";
import type { RouteSeries } from "../telemetry/route-metrics.ts";
import type { MainToWorker, RoutesMessage } from "./worker-messages.ts";

/** What a {@link RoutePublisher} works with. */
export interface RoutePublisherOptions {
  readonly workerCount: number;
  /** Sends to every worker. */
  readonly broadcast: (message: MainToWorker) => void;
  /** Told of every series of the counters that is new. */
  readonly onSeries: (series: RouteSeries, number: number, counters: RouteCounters) => void;
}

/** What is beyond {@link MAX_ROUTE_SERIES} is counted together. */
const OTHER: RouteSeries = { route: "other", cluster: "" };

/**
 * Hands routes to the workers, and gives every pair of a route and one of its clusters a number among the counters that it keeps as
 * long as the process lives.
 */
export class RoutePublisher {
  readonly #options: RoutePublisherOptions;
  readonly #counters: RouteCounters;
  readonly #numbers = new Map<string, number>();
  #message: RoutesMessage | undefined;
  #configured: RouteConfiguration = routesFromConfig({});
  #discovered: readonly Route[] = [];

  constructor(options: RoutePublisherOptions) {
    this.#options = options;
    this.#counters = new RouteCounters(options.workerCount);
    this.#numberOf(OTHER);
  }

  /** What the workers have. */
  get configuration(): RouteConfiguration | undefined {
    return this.#message?.configuration;
  }

  /** For a worker that takes the place of a dead one. */
  get message(): RoutesMessage | undefined {
    return this.#message;
  }

  /** @returns requests decided so far, by the names of route and cluster. */
  requestsOf(route: string, cluster: string): number {
    const number = this.#numbers.get(keyOf({ route, cluster }));
    return number === undefined ? 0 : this.#counters.sum(routeColumn(number, RouteCell.requests));
  }

  /** Sends a configuration's routes, if they differ from those in force. */
  apply(config: Config): void {
    this.#configured = routesFromConfig(config);
    if (config.routes !== undefined || this.#message !== undefined) this.#publish();
  }

  /** Takes the routes of a control plane: those of the configuration are looked at before. */
  setDiscovered(routes: readonly Route[]): void {
    this.#discovered = routes;
    if (routes.length > 0 || this.#message !== undefined) this.#publish();
  }

  #publish(): void {
    const configuration = this.#joined();
    if (configuration.version === this.#message?.configuration.version) return;
    const series = configuration.routes.map(({ name, clusters }) =>
      clusters.length === 0
        ? [this.#numberOf({ route: name, cluster: "" })]
        : clusters.map((cluster) => this.#numberOf({ route: name, cluster: cluster.name })),
    );
    this.#message = { kind: "routes", configuration, series, counters: this.#counters.buffer };
    this.#options.broadcast(this.#message);
  }

  #joined(): RouteConfiguration {
    if (this.#discovered.length === 0) return this.#configured;
    const { version, routes } = this.#configured;
    return {
      version: configVersion([version, this.#discovered]),
      routes: [...routes, ...this.#discovered],
    };
  }

  #numberOf(series: RouteSeries): number {
    const key = keyOf(series);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#numbers.size >= MAX_ROUTE_SERIES) return 0;
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    this.#options.onSeries(series, number, this.#counters);
    return number;
  }
}

function keyOf({ route, cluster }: RouteSeries): string {
  return JSON.stringify([route, cluster]);
}
