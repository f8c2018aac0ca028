import { retryPolicyShape, timeoutsShape } from "./own-settings.ts";
import type { Shape } from "./shape.ts";
import {
  listOf,
  merged,
  nullable,
  number,
  object,
  oneOf,
  optional,
  parseJson,
  recordOf,
  text,
} from "./shape.ts";
import type { HostRoute } from "./xds-resource.ts";

const callerKey: Shape = object({ kind: oneOf(["header", "cookie", "source"]), name: optional(text) });
const headerChanges = object({ set: recordOf(text), add: recordOf(text), remove: listOf(text) });

const routeShape = object({
  name: text,
  matches: listOf(
    object({
      path: text,
      headers: listOf(
        object({ name: text, kind: oneOf(["exact", "prefix", "present", "absent"]), value: text }),
      ),
    }),
  ),
  clusters: listOf(object({ name: text, weight: number(0, 1_000_000_000) })),
  sticky: nullable(callerKey),
  endpoints: nullable(
    object({ labels: recordOf(text), fromHeaders: recordOf(text), fallback: oneOf(["any", "fail"]) }),
  ),
  policy: nullable(
    object({ timeouts: optional(timeoutsShape), retries: optional(nullable(retryPolicyShape)) }),
  ),
  requestHeaders: nullable(headerChanges),
  responseHeaders: nullable(headerChanges),
  mirror: nullable(
    object({
      cluster: text,
      percent: number(0, 100),
      maxRequests: number(0, 1_000_000),
      maxPerSecond: number(0, 1_000_000),
      maxBodyOctets: number(0),
      timeoutMs: number(0, 2 ** 31 - 1),
    }),
  ),
});

/** A route that does nothing but name clusters. */
export const PLAIN_ROUTE = {
  matches: [],
  clusters: [],
  sticky: null,
  endpoints: null,
  policy: null,
  requestHeaders: null,
  responseHeaders: null,
  mirror: null,
} as const satisfies Omit<HostRoute, "name">;

/** Reads a route that a control plane of ours sends as JSON. */
export function decodeOwnRoute(json: string, path: string): HostRoute {
  const route = merged({ ...PLAIN_ROUTE }, parseJson(json, path));
  routeShape(route, path);
  return route as HostRoute;
}
