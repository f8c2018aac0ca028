import type { EndpointSliceObject } from "../../kube/objects/endpoint-slice-object.ts";

/** Told of an address that a cluster's Pods have taken, or have given up. */
export type ClaimListener = (address: string) => void;

/**
 * Which addresses the Pods of each of several clusters have, ready or not, as their EndpointSlices say. Clusters whose networks overlap, or
 * that share one, may both name an address, and then only one of them can be right.
 */
export class AddressClaims {
  readonly #onChange: ClaimListener;
  /** By cluster: slices that name the address. */
  readonly #clusters = new Map<string, Map<string, number>>();

  constructor(onChange: ClaimListener) {
    this.#onChange = onChange;
  }

  /** A cluster's slice is there, is another, or is gone. */
  change(
    cluster: string,
    previous: EndpointSliceObject | undefined,
    current: EndpointSliceObject | undefined,
  ): void {
    let counts = this.#clusters.get(cluster);
    if (counts === undefined) {
      counts = new Map();
      this.#clusters.set(cluster, counts);
    }
    const before = addressesOf(previous);
    const now = addressesOf(current);
    for (const address of now) {
      if (before.has(address)) continue;
      const count = counts.get(address) ?? 0;
      counts.set(address, count + 1);
      if (count === 0) this.#onChange(address);
    }
    for (const address of before) {
      if (now.has(address)) continue;
      const count = counts.get(address) ?? 0;
      if (count > 1) counts.set(address, count - 1);
      else if (counts.delete(address)) this.#onChange(address);
    }
  }

  /** @returns the other clusters that have a Pod at the address. */
  others(cluster: string, address: string): string[] {
    const others: string[] = [];
    for (const [name, counts] of this.#clusters)
      if (name !== cluster && counts.has(address)) others.push(name);
    return others;
  }
}

/** Addresses of Pods: what has no Pod behind it, such as a database, may be named by several clusters and be the same. */
function addressesOf(slice: EndpointSliceObject | undefined): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const { pod, address } of slice?.endpoints ?? []) if (pod !== "") addresses.add(address);
  return addresses;
}
