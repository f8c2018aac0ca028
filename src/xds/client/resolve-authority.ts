import type { LoadAssignment } from "../resources/load-assignment.ts";
import type {
  ClusterResource,
  HostRoute,
  ListenerResource,
  RouteConfigurationResource,
} from "../resources/xds-resource.ts";
import { matchVirtualHost } from "./match-virtual-host.ts";
import type { ResourceEntry } from "./resource-entry.ts";

/** The kinds of resources, in the order in which one names the next. */
export const RESOURCE_KINDS = ["listener", "routeConfiguration", "cluster", "loadAssignment"] as const;

/** One of {@link RESOURCE_KINDS}. */
export type ResourceKindName = (typeof RESOURCE_KINDS)[number];

/** What is known of resources; undefined for one that is not subscribed to. */
export interface ResourceLookup {
  listener(name: string): ResourceEntry<ListenerResource> | undefined;
  routeConfiguration(name: string): ResourceEntry<RouteConfigurationResource> | undefined;
  cluster(name: string): ResourceEntry<ClusterResource> | undefined;
  loadAssignment(name: string): ResourceEntry<LoadAssignment> | undefined;
}

/** Where requests for an authority go. */
export type AuthorityTarget =
  /** All to one cluster. */
  | { readonly kind: "cluster"; readonly cluster: string }
  /** As these routes say; those that none matches go nowhere. */
  | {
      readonly kind: "routes";
      /** Equal for authorities that have the same routes. */
      readonly group: string;
      readonly routes: readonly HostRoute[];
    }
  /** There is no such service. */
  | { readonly kind: "absent"; readonly reason: string };

/** What the resources that are known make of an authority. */
export interface Resolution {
  /** Every resource it depends on, those still to be asked for included. */
  readonly needs: readonly (readonly [ResourceKindName, string])[];
  /** Clusters it may send to. */
  readonly clusters: readonly string[];
  /** undefined as long as something is missing that was asked for. */
  readonly target: AuthorityTarget | undefined;
}

/** Follows an authority from its Listener to the endpoints, as far as resources are known. Pure. */
export function resolveAuthority(authority: string, lookup: ResourceLookup): Resolution {
  const needs: [ResourceKindName, string][] = [["listener", authority]];
  const pending = (): Resolution => ({ needs, clusters: [], target: undefined });
  const absent = (reason: string): Resolution => ({
    needs,
    clusters: [],
    target: { kind: "absent", reason },
  });

  const listener = lookup.listener(authority);
  if (listener === undefined || listener.state === "asked") return pending();
  if (listener.value === undefined)
    return absent(listener.problem || "the control plane has no such listener");
  const { routeConfigurationName: name } = listener.value;
  let configuration = listener.value.routeConfiguration;
  if (configuration === undefined) {
    needs.push(["routeConfiguration", name]);
    const entry = lookup.routeConfiguration(name);
    if (entry === undefined || entry.state === "asked") return pending();
    configuration = entry.value;
    if (configuration === undefined) {
      return absent(entry.problem || `the control plane has no route configuration "${name}"`);
    }
  }
  const index = matchVirtualHost(configuration.virtualHosts, authority);
  const host = configuration.virtualHosts[index];
  if (host === undefined)
    return absent(`route configuration "${configuration.name}" has no virtual host for it`);

  const clusters = new Set<string>();
  for (const { clusters: sides, mirror } of host.routes) {
    for (const side of sides) clusters.add(side.name);
    if (mirror !== null) clusters.add(mirror.cluster);
  }
  let complete = true;
  for (const cluster of clusters) if (!resolveCluster(cluster, lookup, needs)) complete = false;
  const [first] = host.routes;
  const single = first === undefined ? undefined : plainCluster(first);
  return {
    needs,
    clusters: [...clusters],
    target: !complete
      ? undefined
      : single !== undefined
        ? { kind: "cluster", cluster: single }
        : { kind: "routes", group: `${configuration.name} ${index}`, routes: host.routes },
  };
}

/** @returns whether all is known of the cluster that can be known now. */
function resolveCluster(name: string, lookup: ResourceLookup, needs: [ResourceKindName, string][]): boolean {
  needs.push(["cluster", name]);
  const cluster = lookup.cluster(name);
  if (cluster === undefined || cluster.state === "asked") return false;
  if (cluster.value === undefined || cluster.value.assignment !== undefined) return true;
  const { assignmentName } = cluster.value;
  needs.push(["loadAssignment", assignmentName]);
  const assignment = lookup.loadAssignment(assignmentName);
  return assignment !== undefined && assignment.state !== "asked";
}

/** @returns the cluster that a route sends everything to, unchanged; undefined if it does anything else. */
function plainCluster(route: HostRoute): string | undefined {
  const { matches, clusters, sticky, endpoints, policy, requestHeaders, responseHeaders, mirror, hash } =
    route;
  const isPlain =
    clusters.length === 1 &&
    hash === undefined &&
    matches.every(({ path, headers }) => path === "" && headers.length === 0) &&
    [sticky, endpoints, policy, requestHeaders, responseHeaders, mirror].every((part) => part === null);
  return isPlain ? clusters[0]!.name : undefined;
}
