import type { Fleet } from "../../resource/fleet.ts";
import { hashText } from "./hash-text.ts";

/** The proxies that share endpoints out among themselves. */
export interface FleetMembers {
  /** A hash of each one's name. */
  readonly hashes: Uint32Array;
  /** Which of them this proxy is. */
  readonly own: number;
}

/**
 * @param isZonal whether only the proxies of the own zone use these endpoints the way this one does.
 * @returns undefined when there is nobody to share with, or when its own place is not known.
 */
export function fleetMembers(fleet: Fleet, isZonal: boolean): FleetMembers | undefined {
  const index = isZonal ? fleet.zoneIndex : fleet.nodeIndex;
  const count = isZonal ? fleet.zoneCount : fleet.nodeCount;
  if (index === undefined || count === undefined || count < 2) return undefined;
  const known = isZonal ? fleet.zoneMembers : fleet.members;
  const own = index % count;
  if (known !== undefined && known.length === count) return { hashes: known, own };
  return { hashes: Uint32Array.from({ length: count }, (_, n) => hashText(`proxy ${n}`)), own };
}
