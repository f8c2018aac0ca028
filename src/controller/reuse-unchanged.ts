import type { Endpoint } from "../resource/endpoint.ts";
import type { ServiceModel } from "../resource/service.ts";
import { sameValue } from "../xds/cache/same-value.ts";

/**
 * Compares a service with what it was before. What has not changed of it is handed on as the same objects, so that whoever has made
 * something of them (octets to send) need not make it again.
 *
 * @returns undefined when nothing has changed but the cause.
 */
export function reuseUnchanged(
  previous: ServiceModel | undefined,
  next: ServiceModel,
): ServiceModel | undefined {
  if (previous === undefined) return next;
  const before = previous.cluster;
  const endpoints = reuseEndpoints(before.endpoints, next.cluster.endpoints);
  const settings = sameValue(before.settings, next.cluster.settings)
    ? before.settings
    : next.cluster.settings;
  const routes = sameValue(previous.routes, next.routes) ? previous.routes : next.routes;
  const authorities = sameValue(previous.authorities, next.authorities)
    ? previous.authorities
    : next.authorities;
  const { endpoints: _, settings: __, ...plain } = next.cluster;
  const { endpoints: ___, settings: ____, ...plainBefore } = before;
  const isSameCluster =
    endpoints === before.endpoints && settings === before.settings && sameValue(plain, plainBefore);
  const isSameRest =
    routes === previous.routes &&
    next.routesOnly === previous.routesOnly &&
    next.global === previous.global &&
    sameValue(previous.slo, next.slo);
  if (isSameCluster && isSameRest && authorities === previous.authorities) return undefined;
  const cluster = isSameCluster ? before : { ...next.cluster, endpoints, settings };
  return { ...next, cluster, routes, authorities };
}

/** @returns the previous list if it says the same, else one with those endpoints of it that do. Both are in the order of their keys. */
function reuseEndpoints(before: readonly Endpoint[], next: readonly Endpoint[]): readonly Endpoint[] {
  let same = before.length === next.length;
  let at = 0;
  const reused = next.map((endpoint, index) => {
    while (at < before.length && before[at]!.key < endpoint.key) at++;
    const known = before[at];
    if (known === undefined || !isSameEndpoint(known, endpoint)) {
      same = false;
      return endpoint;
    }
    if (at !== index) same = false;
    return known;
  });
  return same ? before : reused;
}

function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.key === b.key &&
    a.address === b.address &&
    a.port === b.port &&
    a.zone === b.zone &&
    a.region === b.region &&
    a.node === b.node &&
    a.priority === b.priority &&
    a.weight === b.weight &&
    a.health === b.health &&
    (a.labels === b.labels || sameValue(a.labels, b.labels))
  );
}
