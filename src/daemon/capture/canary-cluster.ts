import { CANARY_CLUSTER } from "../../proxy/callers/capture-listener.ts";
import type { Cluster } from "../../resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../resource/cluster.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../resource/endpoint.ts";

const LOOPBACK = "127.0.0.1";

/**
 * @param port of the server that `isobar capture` has on loopback, which says again what it is sent; 0 while it has none.
 * @returns the cluster of canaries: requests to it take the way that every request takes.
 */
export function canaryCluster(port: number): Cluster {
  const endpoint = { ...ENDPOINT_DEFAULTS, address: LOOPBACK, port };
  const endpoints = port === 0 ? [] : [{ ...endpoint, key: endpointKey(CANARY_CLUSTER, LOOPBACK, port) }];
  return { ...CLUSTER_DEFAULTS, name: CANARY_CLUSTER, endpoints };
}
