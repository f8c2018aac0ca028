import { configVersion } from "../config/config-version.ts";
import type { Cluster } from "../resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../resource/cluster.ts";
import type { Route } from "../resource/route.ts";
import type { ChangeCause, ServiceModel } from "../resource/service.ts";

/**
 * @param cluster of a configuration file; its name is the one authority it is called by.
 * @param routes all of the file, in its order.
 * @param deliberate whether the file itself lists the endpoints: then it means them, however few they are.
 */
export function staticService(
  cluster: Cluster,
  routes: readonly Route[],
  file: string,
  deliberate: boolean,
): ServiceModel {
  const name = cluster.name.toLowerCase();
  const own = routes.filter(({ authorities }) => authorities.some((each) => covers(each, name)));
  const routesOfIt = own.map(withLowerNames);
  const model = { name, authorities: [name], cluster: { ...cluster, name }, routes: routesOfIt, deliberate };
  return { ...model, cause: cause(model, file) };
}

/** @returns services without endpoints for authorities that routes speak of and no cluster has: only what their routes match goes anywhere. */
export function routedAuthorities(routes: readonly Route[], clusterNames: ReadonlySet<string>): Cluster[] {
  const named = routes.flatMap(({ authorities }) => authorities).filter((each) => !each.startsWith("*"));
  return [...new Set(named)]
    .filter((name) => !clusterNames.has(name))
    .map((name) => ({ name, ...CLUSTER_DEFAULTS, endpoints: [] }));
}

/** @param pattern an authority, `*.suffix` or `*`. */
function covers(pattern: string, authority: string): boolean {
  return pattern.startsWith("*") ? authority.endsWith(pattern.slice(1)) : pattern === authority;
}

function withLowerNames(route: Route): Route {
  return {
    ...route,
    clusters: route.clusters.map(({ name, weight }) => ({ name: name.toLowerCase(), weight })),
    mirror: route.mirror === null ? null : { ...route.mirror, cluster: route.mirror.cluster.toLowerCase() },
  };
}

function cause(model: object, file: string): ChangeCause {
  return { object: file, resourceVersion: configVersion(model), verb: "MODIFIED", fieldManager: "" };
}
