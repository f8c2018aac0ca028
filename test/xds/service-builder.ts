import type { Cluster } from "../../src/resource/cluster.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import type { ServiceModel } from "../../src/resource/service.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";

/** A service `name` with as many endpoints, called by its name alone unless told otherwise. */
export function service(
  name: string,
  endpoints: number | readonly Endpoint[],
  changes: Partial<Omit<ServiceModel, "name" | "cluster">> & { readonly cluster?: Partial<Cluster> } = {},
): ServiceModel {
  const list =
    typeof endpoints === "number"
      ? Array.from({ length: endpoints }, (_, n) => endpoint(n, {}, name))
      : endpoints;
  const { cluster: clusterChanges = {}, ...rest } = changes;
  return {
    name,
    authorities: [name],
    routes: [],
    ...rest,
    cluster: cluster(list, { name, ...clusterChanges }),
  };
}
