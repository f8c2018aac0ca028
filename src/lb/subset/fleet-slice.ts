import type { Fleet } from "../../resource/fleet.ts";
import type { SubsetSettings } from "../../resource/load-balancing.ts";

/** A part of a ring of length 1: from `start`, `length` further. */
export interface RingSlice {
  /** 0 to 1. */
  readonly start: number;
  /** More than 0, less than 1. */
  readonly length: number;
  /** Number of proxies on the ring: the slice grows by steps of 1 / proxies. */
  readonly proxies: number;
}

/** From here on a part of a distance makes the load uneven by 2.5 % at most. */
const MANY_DISTANCES = 40;

/**
 * The part of the endpoint ring that one proxy of a fleet uses. Proxies stand around the ring at equal distances, in the order of their indexes,
 * and each takes what follows on its place: as much as gives it `minEndpoints` and the fleet `coverage` times all endpoints, times
 * its share of the traffic relative to an even one. A short slice is a whole number of distances long, so that equal proxies lie equally deep on
 * every point of the ring. One of many distances need not be: a part of one matters little, and so its length is the same with a proxy
 * more or less.
 *
 * Source: Finagle's deterministic aperture; its weighting by traffic: Uber, "Better load balancing: real-time dynamic subsetting".
 *
 * @param isZonal whether only the proxies of the own zone use these endpoints the way this one does.
 * @param endpoints how many there are.
 * @returns undefined when all endpoints are to be used.
 */
export function fleetSlice(
  fleet: Fleet,
  settings: SubsetSettings,
  isZonal: boolean,
  endpoints: number,
): RingSlice | undefined {
  const index = isZonal ? fleet.zoneIndex : fleet.nodeIndex;
  const proxies = isZonal ? fleet.zoneCount : fleet.nodeCount;
  if (index === undefined || proxies === undefined) return undefined;
  const traffic = (fleet.trafficShare ?? 1 / fleet.nodeCount) * fleet.nodeCount;
  const even = Math.max(settings.minEndpoints, (settings.coverage * endpoints) / proxies);
  const wanted = Math.max(settings.minEndpoints, even * traffic);
  const distances = (wanted / endpoints) * proxies;
  const steps = distances >= MANY_DISTANCES ? distances : Math.ceil(distances - 1e-9);
  return steps >= proxies
    ? undefined
    : { start: (index % proxies) / proxies, length: steps / proxies, proxies };
}
