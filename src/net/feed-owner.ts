import type { ReadArea } from "./read-area.ts";
import type { TransportOwner } from "./transport.ts";

/** Gives octets that stand in the read area to another owner, as if they had just been read. */
export function feedOwner(area: ReadArea, owner: TransportOwner, length: number): void {
  if (length === 0) return;
  const wasInUse = area.inUse;
  area.inUse = true;
  owner.onRead(length);
  area.inUse = wasInUse;
}
