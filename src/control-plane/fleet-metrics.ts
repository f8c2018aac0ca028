import type { WrittenSeries } from "../telemetry/written-series.ts";
import { FLEET_METRIC as METRIC } from "./fleet-catalog.ts";
import type { FleetLoads } from "./fleet-loads.ts";

/** Writes what is known of callers as a whole. */
export function writeFleetMetrics(
  series: WrittenSeries,
  { roster, own, replicas, counts, zoneShares }: FleetLoads,
): void {
  series.set(METRIC.fleetProxies, {}, roster.size);
  series.set(METRIC.loadReporters, {}, own.reporterCount);
  series.set(METRIC.knownReplicas, {}, replicas.size);
  for (const [client, reports] of Object.entries(counts.reports))
    series.set(METRIC.loadReports, { client }, reports);
  series.set(METRIC.loadReportsRefused, { reason: "unreadable" }, counts.refused);
  series.set(METRIC.loadReportsRefused, { reason: "unknown_service" }, counts.unknownServices);
  series.set(METRIC.loadReportsRefused, { reason: "client" }, counts.refusedClients);
  series.set(METRIC.loadReportsRefused, { reason: "too_many_streams" }, counts.tooManyStreams);
  series.set(METRIC.zoneShareChanges, {}, zoneShares.changes);
}

/** The same for `/stats`. */
export function fleetStats({
  roster,
  own,
  replicas,
  counts,
  zoneShares,
}: FleetLoads): Record<string, number> {
  const stats: Record<string, number> = {
    "fleet.proxies": roster.size,
    "load.reporters": own.reporterCount,
    "load.replicas": replicas.size,
  };
  for (const [client, reports] of Object.entries(counts.reports)) stats[`load.reports.${client}`] = reports;
  stats["load.reports_unreadable"] = counts.refused;
  stats["load.unknown_services"] = counts.unknownServices;
  stats["load.refused_clients"] = counts.refusedClients;
  stats["load.too_many_streams"] = counts.tooManyStreams;
  stats["load.zone_share_changes"] = zoneShares.changes;
  return stats;
}
