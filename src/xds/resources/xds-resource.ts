import type { Cluster } from "../../resource/cluster.ts";
import type { Route } from "../../resource/route.ts";
import type { LoadAssignment } from "./load-assignment.ts";

/** A route as a virtual host lists it: which authorities it is for is the virtual host's matter. */
export type HostRoute = Omit<Route, "authorities">;

/** A virtual host: what is done with requests for some authorities. */
export interface VirtualHost {
  readonly name: string;
  /** In lower case: an authority, `*.suffix`, `prefix.*` or `*`. */
  readonly domains: readonly string[];
  /** In order; of several that match the first counts. */
  readonly routes: readonly HostRoute[];
}

/** A RouteConfiguration as it was understood. */
export interface RouteConfigurationResource {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
}

/** A Listener with an ApiListener as it was understood. */
export interface ListenerResource {
  readonly name: string;
  /** Name of the RouteConfiguration; "" where it is within. */
  readonly routeConfigurationName: string;
  readonly routeConfiguration: RouteConfigurationResource | undefined;
}

/** A Cluster as it was understood: everything but its endpoints. */
export interface ClusterResource {
  readonly name: string;
  readonly cluster: Omit<Cluster, "endpoints">;
  /** Name of the ClusterLoadAssignment; "" where it is within. */
  readonly assignmentName: string;
  readonly assignment: LoadAssignment | undefined;
  /** The weights of localities count: they were computed for this client. */
  readonly weighsLocalities: boolean;
  /** The control plane wants to know the load of it. */
  readonly reportsLoad: boolean;
}
