import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";

/** @returns `ip:port` or `[ipv6]:port` of the endpoint in that slot, for people; the slot's number if the snapshot lacks it. */
export function endpointAddress(snapshot: ClusterSnapshot, slot: number): string {
  for (let i = 0; i < snapshot.count; i++) {
    if (snapshot.slotAt(i) !== slot) continue;
    const address = snapshot.addressAt(i);
    return address.includes(":") ? `[${address}]:${snapshot.portAt(i)}` : `${address}:${snapshot.portAt(i)}`;
  }
  return `slot ${slot}`;
}
