import type { Cluster } from "../../resource/cluster.ts";
import type { RouteChanges } from "../../resource/route.ts";
import type { AuthorityTarget } from "./resolve-authority.ts";

/** Where a XdsClient puts what it finds. Calls never throw. */
export interface XdsSink {
  /** A cluster is new or may have changed. Before the first route or authority that names it. */
  upsert(cluster: Cluster): void;
  /** Nothing names the cluster any more. */
  remove(name: string): void;
  /** Routes of some authorities have changed. */
  routes(changes: RouteChanges): void;
  /** Where requests for an authority go from now on; asked for by `XdsClient.want`. */
  authority(authority: string, target: AuthorityTarget): void;
}
