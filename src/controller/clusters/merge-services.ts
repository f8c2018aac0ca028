import type { Endpoint } from "../../resource/endpoint.ts";
import { endpointKey, endpointTransport } from "../../resource/endpoint.ts";
import type { ServiceModel } from "../../resource/service.ts";

/** A service of another cluster that is called as one of our own. */
export interface ForeignService {
  /** The cluster's name. */
  readonly cluster: string;
  readonly model: ServiceModel;
}

/** What is to be known of clusters to merge their services. */
export interface MergeSurroundings {
  /** Regions in which the own cluster has nodes. */
  readonly ownRegions: ReadonlySet<string>;
  /** Whether the Pods of a cluster have the address, as far as can be known, although another cluster says that its Pods have. */
  isHeldBy(cluster: string, address: string): boolean;
}

/** Priorities of endpoints: those of the own cluster, those of others in a region of its own, the rest. */
const OWN_REGION = 1;
const ELSEWHERE = 2;

/** Endpoints of other clusters as they stand in services of ours, so that what has not changed is the same object. */
const merged = new WeakMap<Endpoint, Endpoint>();

/**
 * Adds the endpoints of other clusters to a service of the own one. Everything else is as the own cluster has it: names, policies, routes.
 *
 * An endpoint of another cluster is named after that too, and so is its node: Pods and nodes of two clusters may be called alike, and are
 * somebody else. It is used when those of the own cluster cannot take the load. An address that another cluster's Pods have is left out, and
 * one that is in the list already counts once.
 *
 * @param foreign in the order of the clusters' names, so that every replica says the same.
 * @returns the service, its endpoints in the order of their keys, and the addresses that were left out because somebody else has them.
 */
export function mergeServices(
  own: ServiceModel,
  foreign: readonly ForeignService[],
  around: MergeSurroundings,
): { readonly model: ServiceModel; readonly contested: readonly string[] } {
  const { name, tlsIdentity, endpoints } = own.cluster;
  const transport = endpointTransport(tlsIdentity);
  const contested: string[] = [];
  const places = new Set(endpoints.map(placeOf));
  const all: Endpoint[] = [...endpoints];
  for (const { cluster, model } of foreign) {
    for (const endpoint of model.cluster.endpoints) {
      if (!around.isHeldBy(cluster, endpoint.address)) {
        contested.push(endpoint.address);
        continue;
      }
      if (places.has(placeOf(endpoint))) continue;
      places.add(placeOf(endpoint));
      const priority = around.ownRegions.has(endpoint.region) ? OWN_REGION : ELSEWHERE;
      let known = merged.get(endpoint);
      if (known?.priority !== priority) {
        known = {
          ...endpoint,
          key: endpointKey(
            name,
            `${cluster}/${identityOf(endpoint, model.cluster.name)}`,
            endpoint.port,
            transport,
          ),
          node: endpoint.node === "" ? "" : `${cluster}/${endpoint.node}`,
          priority,
        };
        merged.set(endpoint, known);
      }
      all.push(known);
    }
  }
  all.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { model: { ...own, cluster: { ...own.cluster, endpoints: all } }, contested };
}

function placeOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

function identityOf({ key, address }: Endpoint, clusterName: string): string {
  const rest = key.slice(clusterName.length + 1);
  const end = rest.indexOf("|");
  return end > 0 ? rest.slice(0, end) : address;
}
