import type { RouteConfiguration, RouteGroup } from "../../resource/route.ts";

/** Numbers of series by route and by place among its clusters; one number for a route without clusters. */
export type RouteSeriesNumbers = readonly (readonly number[])[];

/** A group of routes, as a worker gets it. */
export interface RouteGroupUpdate extends RouteGroup {
  readonly series: RouteSeriesNumbers;
}

/** What of the routes differs, as a worker gets it. */
export interface RouteUpdate {
  /** The configuration's routes; every group that was known is no more. Default: only groups differ. Never missing in the first update. */
  readonly configuration?: RouteConfiguration | undefined;
  /** Of the configuration's routes. */
  readonly series?: RouteSeriesNumbers | undefined;
  /** Groups that are new or others than they were. */
  readonly groups?: readonly RouteGroupUpdate[] | undefined;
  /** Keys of groups that are no more. */
  readonly gone?: readonly string[] | undefined;
  /** Memory of a telemetry/route-counters.ts. */
  readonly counters: SharedArrayBuffer;
}
