import type { Route } from "../../../src/resource/route.ts";
import { RouteCounters, routeColumn } from "../../../src/telemetry/route-counters.ts";
import { configurationOf } from "../../route/route-fixture.ts";
import type { LocalProxy } from "../fixture/local-proxy.ts";
import { ECHO } from "../fixture/local-proxy.ts";

/** The routes of a proxy in the test's process, with the main thread's part played here. */
export class LiveRoutes {
  readonly #proxy: LocalProxy;
  readonly #counters = new RouteCounters(1);

  constructor(proxy: LocalProxy) {
    this.#proxy = proxy;
  }

  /** Puts routes in force; those without authorities are for ECHO. The side `n` of route `r` counts at `10 r + n`. */
  async apply(...routes: Partial<Route>[]): Promise<void> {
    const configuration = configurationOf(...routes.map((route) => ({ authorities: [ECHO], ...route })));
    const series = configuration.routes.map(({ clusters }, r) =>
      Array.from({ length: Math.max(1, clusters.length) }, (_, n) => 10 * r + n),
    );
    await this.#proxy.dataPlane.applyRoutes({ configuration, series, counters: this.#counters.buffer });
  }

  /** Has groups come, change and go beside the routes that were applied; each with one cluster. Those of group `n` count at `100 n`. */
  async change(
    groups: Readonly<Record<number, readonly Partial<Route>[]>>,
    gone: readonly number[] = [],
  ): Promise<void> {
    await this.#proxy.dataPlane.applyRoutes({
      groups: Object.entries(groups).map(([n, routes]) => ({
        key: n,
        routes: configurationOf(...routes).routes,
        series: routes.map(() => [100 * Number(n)]),
      })),
      gone: gone.map(String),
      counters: this.#counters.buffer,
    });
  }

  /** @returns a RouteCell of a side of a route. */
  count(cell: number, route = 0, side = 0): number {
    return this.#counters.sum(routeColumn(10 * route + side, cell));
  }
}
