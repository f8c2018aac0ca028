import type { RequestPolicy, Route } from "../resource/route.ts";
import { HeaderChange } from "./header-change.ts";
import type { HeaderNames } from "./header-names.ts";
import { StickyKey } from "./sticky-key.ts";
import { WeightedSplit } from "./weighted-split.ts";

/** A label whose value a request header gives, by the header's number. */
export interface HeaderLabel {
  readonly label: string;
  readonly header: number;
}

/** A route made for the data path. Immutable: requests keep the one they were decided by, whatever becomes of the table. */
export class CompiledRoute {
  readonly route: Route;
  /** Its place among the table's routes; another route's, when it is in force no more. */
  readonly index: number;
  /** undefined where all requests go to one cluster. */
  readonly split: WeightedSplit | undefined;
  readonly sticky: StickyKey | undefined;
  /** Labels from headers, in the order of the names of labels; undefined without a restriction of endpoints. */
  readonly headerLabels: readonly HeaderLabel[] | undefined;
  readonly policy: RequestPolicy | undefined;
  readonly requestChange: HeaderChange | undefined;
  readonly responseChange: HeaderChange | undefined;

  constructor(route: Route, index: number, names: HeaderNames) {
    this.route = route;
    this.index = index;
    this.split = route.clusters.length > 1 ? new WeightedSplit(route.clusters) : undefined;
    this.sticky =
      route.sticky === null || this.split === undefined ? undefined : new StickyKey(route.sticky, names);
    this.headerLabels =
      route.endpoints === null
        ? undefined
        : Object.entries(route.endpoints.fromHeaders).map(([label, name]) => ({
            label,
            header: names.add(name),
          }));
    this.policy = route.policy ?? undefined;
    this.requestChange =
      route.requestHeaders === null ? undefined : new HeaderChange(route.requestHeaders, names);
    this.responseChange =
      route.responseHeaders === null ? undefined : new HeaderChange(route.responseHeaders, names);
  }
}
