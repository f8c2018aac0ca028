import type { RouteConfiguration } from "../../resource/route.ts";

/** A configuration of routes, as a worker gets it. */
export interface RouteUpdate {
  readonly configuration: RouteConfiguration;
  /** Numbers of series by route and by place among its clusters; one number for a route without clusters. */
  readonly series: readonly (readonly number[])[];
  /** Memory of a telemetry/route-counters.ts. */
  readonly counters: SharedArrayBuffer;
}
