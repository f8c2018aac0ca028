import type { Cluster } from "../../resource/cluster.ts";
import { endpointHash } from "../../xds/resources/service-view.ts";

const known = new WeakMap<Cluster, Uint32Array>();

/** @returns what reports of load call a cluster's endpoints, in their order. Made once for each version of it. */
export function endpointHashes(cluster: Cluster): Uint32Array {
  let hashes = known.get(cluster);
  if (hashes === undefined) {
    hashes = Uint32Array.from(cluster.endpoints, ({ address, port }) => endpointHash(address, port));
    known.set(cluster, hashes);
  }
  return hashes;
}
