import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";

/** @returns an endpoint's `address:port`, IPv6 in brackets. */
export function endpointAddress(snapshot: ClusterSnapshot, index: number): string {
  const address = snapshot.addressAt(index);
  const port = snapshot.portAt(index);
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Endpoints of one snapshot by slot; what is not in it has its number for a name. For a few of them: each is searched for. */
export class SlotNames {
  readonly #snapshot: ClusterSnapshot;

  constructor(snapshot: ClusterSnapshot) {
    this.#snapshot = snapshot;
  }

  address(slot: number): string {
    const index = this.#indexOf(slot);
    return index < 0 ? `slot ${slot}` : endpointAddress(this.#snapshot, index);
  }

  zone(slot: number): string {
    const index = this.#indexOf(slot);
    return index < 0 ? "" : this.#snapshot.zoneAt(index);
  }

  #indexOf(slot: number): number {
    for (let index = 0; index < this.#snapshot.count; index++)
      if (this.#snapshot.slotAt(index) === slot) return index;
    return -1;
  }
}
