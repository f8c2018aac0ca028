import type { Config } from "../config/config.ts";
import { configVersion } from "../config/config-version.ts";
import { routesFromConfig } from "../discovery/routes-from-config.ts";
import type { RouteGroupUpdate, RouteSeriesNumbers, RouteUpdate } from "../proxy/routes/route-update.ts";
import type { Route, RouteChanges, RouteConfiguration } from "../resource/route.ts";
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

/** The configuration's routes, with the numbers of their series. */
interface Configured {
  readonly configuration: RouteConfiguration;
  readonly series: RouteSeriesNumbers;
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
  /** As workers have them; undefined as long as they have none. */
  #configured: Configured | undefined;
  /** What a control plane says, by key. */
  readonly #groups = new Map<string, RouteGroupUpdate>();

  constructor(options: RoutePublisherOptions) {
    this.#options = options;
    this.#counters = new RouteCounters(options.workerCount);
    this.#numberOf(OTHER);
  }

  /** What the workers have, all in one; made for whoever asks. */
  get configuration(): RouteConfiguration | undefined {
    if (this.#configured === undefined) return undefined;
    const { configuration } = this.#configured;
    if (this.#groups.size === 0) return configuration;
    const routes = [...this.#groups.values()].flatMap((group) => group.routes);
    return {
      version: configVersion([configuration.version, routes]),
      routes: [...configuration.routes, ...routes],
    };
  }

  /** For a worker that takes the place of a dead one. */
  get message(): RoutesMessage | undefined {
    if (this.#configured === undefined) return undefined;
    return this.#messageOf({ ...this.#configured, groups: [...this.#groups.values()] });
  }

  /** @returns requests decided so far, by the names of route and cluster. */
  requestsOf(route: string, cluster: string): number {
    const number = this.#numbers.get(keyOf({ route, cluster }));
    return number === undefined ? 0 : this.#counters.sum(routeColumn(number, RouteCell.requests));
  }

  /** Sends a configuration's routes, if they differ from those in force. */
  apply(config: Config): void {
    if (config.routes === undefined && this.#configured === undefined) return;
    const configuration = routesFromConfig(config);
    if (configuration.version === this.#configured?.configuration.version) return;
    this.#configured = { configuration, series: this.#seriesOf(configuration.routes) };
    // They are looked at before all groups', so that these are made anew with them.
    this.#options.broadcast(this.message!);
  }

  /** Takes routes of a control plane; workers are sent what differs. Those of the configuration are looked at before. */
  discover({ changed, gone }: RouteChanges): void {
    const groups = changed.map((group) => ({ ...group, series: this.#seriesOf(group.routes) }));
    for (const key of gone) this.#groups.delete(key);
    for (const group of groups) this.#groups.set(group.key, group);
    if (this.#configured !== undefined) {
      this.#options.broadcast(this.#messageOf({ groups, gone }));
      return;
    }
    const configuration = routesFromConfig({});
    this.#configured = { configuration, series: [] };
    this.#options.broadcast(this.message!);
  }

  #messageOf(update: Omit<RouteUpdate, "counters">): RoutesMessage {
    return { kind: "routes", ...update, counters: this.#counters.buffer };
  }

  #seriesOf(routes: readonly Route[]): RouteSeriesNumbers {
    return routes.map(({ name, clusters }) =>
      clusters.length === 0
        ? [this.#numberOf({ route: name, cluster: "" })]
        : clusters.map((cluster) => this.#numberOf({ route: name, cluster: cluster.name })),
    );
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
