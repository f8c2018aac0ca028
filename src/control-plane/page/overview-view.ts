import { VERSION } from "../../telemetry/version.ts";
import type { PageSource } from "./page-source.ts";
import type { OverviewView, PlaceView, ServiceLine } from "./page-view.ts";
import { crossZoneShare } from "./service-line.ts";
import { zonesView } from "./zones-view.ts";

const MAX_PLACES = 64;

/** @param lines of all services. @returns the control plane and what it serves. */
export function overviewView(source: PageSource, lines: readonly ServiceLine[]): OverviewView {
  const { cache, loads, server, auditFolder, notReadyReason } = source;
  let requestsPerSecond = 0;
  let inFlight = 0;
  for (const line of lines) {
    requestsPerSecond += line.requestsPerSecond;
    inFlight += line.inFlight;
  }
  let clients = 0;
  let refused = 0;
  for (const stream of server.streams) {
    clients++;
    refused += stream.refusedCount;
  }
  return {
    at: new Date().toISOString(),
    version: VERSION,
    startedAt: new Date(Date.now() - process.uptime() * 1_000).toISOString(),
    notReady: notReadyReason() ?? "",
    services: cache.serviceCount,
    endpoints: cache.endpointCount,
    clients,
    fleet: loads.roster.size,
    reporters: loads.book.reporterCount,
    replicas: loads.replicas.size,
    refused,
    requestsPerSecond,
    inFlight,
    crossZoneShare: crossZoneShare(zonesView(source, undefined).flows),
    audit: auditFolder !== undefined,
    zones: placesOf(source),
  };
}

function placesOf({ cache, server }: PageSource): PlaceView[] {
  const places = new Map<string, PlaceView>();
  const note = ({ region, zone }: PlaceView): void => {
    if (zone !== "" && places.size < MAX_PLACES) places.set(`${region}|${zone}`, { region, zone });
  };
  for (const { place } of server.streams) note(place);
  for (const { cluster } of cache.models()) for (const endpoint of cluster.endpoints) note(endpoint);
  return [...places.values()].sort((a, b) => (a.zone < b.zone ? -1 : 1));
}
