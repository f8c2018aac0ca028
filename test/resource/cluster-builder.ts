import type { Cluster } from "../../src/resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../src/resource/cluster.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../src/resource/endpoint.ts";

/** A cluster's name in tests. */
export const ECHO = "echo.default.svc.cluster.local:50051";

/** The n-th endpoint of a cluster: 10.0.x.y:50051 in zone-a, weight 1, healthy, unless told otherwise. */
export function endpoint(n: number, changes: Partial<Endpoint> = {}, clusterName = ECHO): Endpoint {
  const address = `10.0.${n >> 8}.${n & 255}`;
  const key = endpointKey(clusterName, address, 50_051);
  return { ...ENDPOINT_DEFAULTS, key, address, port: 50_051, zone: "zone-a", ...changes };
}

/** A cluster with these endpoints and the defaults, unless told otherwise. */
export function cluster(endpoints: readonly Endpoint[], changes: Partial<Cluster> = {}): Cluster {
  return { name: ECHO, ...CLUSTER_DEFAULTS, endpoints, ...changes };
}
