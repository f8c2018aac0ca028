import type { Cluster } from "../../resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../resource/cluster.ts";
import type { Endpoint } from "../../resource/endpoint.ts";
import { endpointKey, endpointTransport, MAX_ENDPOINT_WEIGHT } from "../../resource/endpoint.ts";
import type { AssignedLocality, LoadAssignment } from "../resources/load-assignment.ts";
import type { ClusterResource } from "../resources/xds-resource.ts";

/** @returns the cluster that a Cluster and its ClusterLoadAssignment make; without endpoints where there is no assignment. */
export function assembleCluster(resource: ClusterResource, assignment: LoadAssignment | undefined): Cluster {
  const localities = assignment?.localities ?? [];
  return {
    ...resource.cluster,
    endpoints: resource.weighsLocalities
      ? endpointsOf(
          resource,
          localities.filter(({ weight }) => weight > 0),
          localityFactor,
        )
      : endpointsOf(resource, localities, () => 1),
  };
}

/** @returns a cluster that a route names and nobody serves: its callers get UNAVAILABLE and not UNIMPLEMENTED. */
export function emptyCluster(name: string): Cluster {
  return { ...CLUSTER_DEFAULTS, name, endpoints: [] };
}

/** Two pods of one UID and port do not exist, but a foreign control plane may say so: keys have to be unique. */
function endpointsOf(
  { cluster }: ClusterResource,
  localities: readonly AssignedLocality[],
  factorOf: (locality: AssignedLocality) => number,
): Endpoint[] {
  const transport = endpointTransport(cluster.tlsIdentity);
  const endpoints: Endpoint[] = [];
  const keys = new Set<string>();
  const scale = weightScale(localities, factorOf);
  for (const locality of localities) {
    const { region, zone, priority } = locality;
    const factor = factorOf(locality) * scale;
    for (const { address, port, weight, health, uid, node, labels } of locality.endpoints) {
      let key = endpointKey(cluster.name, uid || address, port, transport);
      if (keys.has(key)) key = endpointKey(cluster.name, `${uid}@${address}`, port, transport);
      keys.add(key);
      const scaled = factor === 1 ? weight || 1 : Math.round((weight || 1) * factor);
      endpoints.push({
        key,
        address,
        port,
        region,
        zone,
        node,
        priority,
        labels,
        weight: Math.min(MAX_ENDPOINT_WEIGHT, Math.max(1, scaled)),
        health,
      });
    }
  }
  return endpoints;
}

/** What an endpoint's weight is multiplied by, so that its locality as a whole gets its share. */
function localityFactor({ weight, endpoints }: AssignedLocality): number {
  const sum = endpoints.reduce((total, endpoint) => total + (endpoint.weight || 1), 0);
  return sum === 0 ? 1 : weight / sum;
}

/** @returns what brings the weights into the range of ours; 1 where they are whole and within. */
function weightScale(
  localities: readonly AssignedLocality[],
  factorOf: (locality: AssignedLocality) => number,
): number {
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let whole = true;
  for (const locality of localities) {
    const factor = factorOf(locality);
    if (factor !== 1) whole = false;
    for (const { weight } of locality.endpoints) {
      largest = Math.max(largest, (weight || 1) * factor);
      smallest = Math.min(smallest, (weight || 1) * factor);
    }
  }
  if (largest === 0 || (whole && largest <= MAX_ENDPOINT_WEIGHT)) return 1;
  // Shares are kept to a hundredth where the range allows it.
  return Math.min(MAX_ENDPOINT_WEIGHT / largest, 100 / smallest);
}
