import type { CompiledRoute } from "./compiled-route.ts";
import type { HeaderCondition } from "./header-condition.ts";

/** One match of a route: which paths, which headers. */
export interface RouteRule {
  readonly route: CompiledRoute;
  /** As RouteMatch.path. */
  readonly path: string;
  readonly conditions: readonly HeaderCondition[];
}
