import type { ZoneFlow } from "../../xds/load/traffic-book.ts";
import type { PageSource } from "./page-source.ts";
import type { ZonesView } from "./page-view.ts";

const MAX_ZONES = 64;

/** @param service undefined: of all services together. @returns zones, and what flows between them. */
export function zonesView(source: PageSource, service: string | undefined): ZonesView {
  const { cache, loads, server } = source;
  const nowMs = source.nowMs();
  const zones = new Map<string, { zone: string; endpoints: number; clients: number }>();
  const zoneOf = (zone: string) => {
    let known = zones.get(zone);
    if (known === undefined) {
      known = { zone, endpoints: 0, clients: 0 };
      zones.set(zone, known);
    }
    return known;
  };
  for (const { name, cluster } of cache.models()) {
    if (service !== undefined && name !== service) continue;
    for (const { zone } of cluster.endpoints) zoneOf(zone).endpoints++;
  }
  for (const stream of server.streams) zoneOf(stream.place.zone).clients++;
  const sums = new Map<string, { from: string; to: string; requestsPerSecond: number }>();
  for (const name of service === undefined ? (loads.traffic?.services ?? []) : [service])
    for (const flow of loads.traffic?.flows(name, nowMs) ?? []) add(sums, flow);
  const flows = [...sums.values()];
  for (const { from, to } of flows) for (const zone of [from, to]) zoneOf(zone);
  const listed = [...zones.values()].sort((a, b) => (a.zone < b.zone ? -1 : 1)).slice(0, MAX_ZONES);
  const names = new Set(listed.map(({ zone }) => zone));
  return {
    at: new Date().toISOString(),
    zones: listed,
    flows: flows.filter(({ from, to }) => names.has(from) && names.has(to)),
  };
}

function add(
  sums: Map<string, { from: string; to: string; requestsPerSecond: number }>,
  { from, to, requestsPerSecond }: ZoneFlow,
): void {
  const key = `${from}|${to}`;
  const sum = sums.get(key);
  if (sum === undefined) sums.set(key, { from, to, requestsPerSecond });
  else sum.requestsPerSecond += requestsPerSecond;
}
