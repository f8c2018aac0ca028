import type { Cluster } from "../../resource/cluster.ts";
import type { Endpoint } from "../../resource/endpoint.ts";

/** Who is at one address. */
interface Owners {
  readonly uids: Set<string>;
  /** Ports of all, and of those without a UID. */
  readonly ports: Set<number>;
  readonly nameless: Set<number>;
}

/**
 * Who has which address, by what is known for certain. Of two pods only one can have it, and whichever that is may listen on every port. What has
 * no UID is told by its port too: several processes of one machine are nothing unusual where addresses are all that is known.
 */
export class AddressOwners {
  readonly #owners = new Map<string, Owners>();

  /** @param suspects keys of endpoints of the cluster that are not known for certain. */
  add({ name, endpoints }: Cluster, suspects: ReadonlySet<string>): void {
    for (const endpoint of endpoints) {
      if (suspects.has(endpoint.key)) continue;
      let owners = this.#owners.get(endpoint.address);
      if (owners === undefined) {
        owners = { uids: new Set(), ports: new Set(), nameless: new Set() };
        this.#owners.set(endpoint.address, owners);
      }
      const uid = uidOf(endpoint, name);
      owners.ports.add(endpoint.port);
      if (uid === "") owners.nameless.add(endpoint.port);
      else owners.uids.add(uid);
    }
  }

  /**
   * Whether an address is, or may be, somebody else's than this endpoint's.
   *
   * @param clusterName of the endpoint.
   */
  hasOther(endpoint: Endpoint, clusterName: string): boolean {
    const owners = this.#owners.get(endpoint.address);
    if (owners === undefined) return false;
    const uid = uidOf(endpoint, clusterName);
    // Without a UID nobody can say that they are the same.
    if (uid === "") return owners.ports.has(endpoint.port);
    return owners.nameless.has(endpoint.port) || owners.uids.size > (owners.uids.has(uid) ? 1 : 0);
  }
}

/** @returns the UID; "" where there is none. */
function uidOf({ key, address }: Endpoint, clusterName: string): string {
  const rest = key.slice(clusterName.length + 1);
  const identity = rest.slice(0, Math.max(0, rest.indexOf("|")));
  const uid = identity.endsWith(`@${address}`) ? identity.slice(0, -address.length - 1) : identity;
  return uid === address ? "" : uid;
}
