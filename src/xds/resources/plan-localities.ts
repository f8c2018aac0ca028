import type { Cluster } from "../../resource/cluster.ts";
import type { Endpoint } from "../../resource/endpoint.ts";
import type { ClientView } from "./client-view.ts";

/** Endpoints of one place and one preference. */
export interface PlannedLocality {
  readonly region: string;
  readonly zone: string;
  /** From 0 without gaps for Envoy and gRPC, which refuse others; as the endpoints say for proxies of ours. */
  readonly priority: number;
  /** At least 1: gRPC drops a locality without a weight. */
  readonly weight: number;
  readonly endpoints: readonly Endpoint[];
}

/**
 * Of what arrives at a place, the part that is to stay there because of its load, by {@link placeOf}: 0 to 1. Places that are not named keep everything.
 */
export type KeptByPlace = ReadonlyMap<string, number>;

interface Group {
  readonly level: number;
  readonly localities: Locality[];
}

interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly endpoints: Endpoint[];
}

/** Levels of nearness: own zone, own region, anywhere. */
const TIERS = 3;
/** What the weights of a priority add up to where they express shares. */
const WHOLE = 1_000_000;

/**
 * Decides how a cluster's endpoints are laid out for a client.
 *
 * Proxies of ours get the plain facts. Envoy and gRPC know no zones but through priorities: the nearest endpoints are priority 0, and
 * so on. Envoy moves traffic to the next priority by health itself. gRPC does so only when nothing of a priority is left, so for it the
 * part that the healthy ones of a priority cannot take, by the same rule as Envoy's, is given to the next places as weights. Load moves for it the same way.
 *
 * @param kept what places keep of their load, for gRPC; default: everything.
 */
export function planLocalities(
  cluster: Cluster,
  view: ClientView,
  kept?: KeptByPlace,
): readonly PlannedLocality[] {
  const groups = grouped(cluster, view);
  if (view.kind === "isobar") {
    return groups.flatMap(({ level, localities }) =>
      localities.map((each) => ({ ...each, priority: level, weight: weightOf(each.endpoints) })),
    );
  }
  const { strict, overprovisioningFactor } = cluster.settings.loadBalancing.locality;
  const used = strict ? groups.slice(0, 1) : groups;
  return view.kind === "envoy" ? byPriority(used) : withShares(used, overprovisioningFactor, kept);
}

/** In order of preference; endpoints whose address another one has already are left out for gRPC, which refuses such lists. */
function grouped(cluster: Cluster, view: ClientView): Group[] {
  const groups = new Map<number, Group & { readonly byPlace: Map<string, Map<string, Locality>> }>();
  const addresses = view.kind === "grpc" ? new Set<string>() : undefined;
  for (const endpoint of reachable(cluster, view)) {
    const { region, zone } = endpoint;
    if (addresses !== undefined) {
      const address = `${endpoint.address} ${endpoint.port}`;
      if (addresses.has(address)) continue;
      addresses.add(address);
    }
    const level = view.kind === "isobar" ? endpoint.priority : levelOf(endpoint, cluster, view);
    let group = groups.get(level);
    if (group === undefined) {
      group = { level, localities: [], byPlace: new Map() };
      groups.set(level, group);
    }
    // Texts of their own, not one put together of both: there may be 10,000 endpoints.
    let zones = group.byPlace.get(region);
    if (zones === undefined) {
      zones = new Map();
      group.byPlace.set(region, zones);
    }
    const locality = zones.get(zone);
    if (locality !== undefined) {
      locality.endpoints.push(endpoint);
      continue;
    }
    const added = { region, zone, endpoints: [endpoint] };
    zones.set(zone, added);
    group.localities.push(added);
  }
  return [...groups.values()].sort((a, b) => a.level - b.level);
}

/** Proxies of ours find out themselves which endpoints are on their node; others are given no further ones. */
function reachable({ endpoints, settings }: Cluster, { kind, node }: ClientView): readonly Endpoint[] {
  if (kind === "isobar" || settings.loadBalancing.locality.distribution !== "OnlySameNode") return endpoints;
  return node === "" ? [] : endpoints.filter((endpoint) => endpoint.node === node);
}

function levelOf(endpoint: Endpoint, cluster: Cluster, view: ClientView): number {
  return endpoint.priority * TIERS + tierOf(endpoint, cluster, view);
}

function tierOf(endpoint: Endpoint, cluster: Cluster, view: ClientView): number {
  if (view.zone === "" || cluster.settings.loadBalancing.locality.distribution === "none") return 0;
  if (endpoint.zone === view.zone && (endpoint.region === view.region || endpoint.region === "")) return 0;
  return endpoint.region === view.region && view.region !== "" ? 1 : 2;
}

function byPriority(groups: readonly Group[]): PlannedLocality[] {
  return groups.flatMap(({ localities }, priority) =>
    localities.map((each) => ({ ...each, priority, weight: weightOf(each.endpoints) })),
  );
}

/** gRPC: what a group cannot take, or is not to keep, goes to the next one as shares of the same priority. */
function withShares(groups: readonly Group[], factor: number, kept?: KeptByPlace): PlannedLocality[] {
  const planned: PlannedLocality[] = [];
  let priority = 0;
  for (let i = 0; i < groups.length; priority++) {
    let rest = 1;
    const places = new Set<string>();
    do {
      const group = groups[i++]!;
      const isLast = i === groups.length;
      const healthy = group.localities.reduce((sum, each) => sum + healthyWeightOf(each.endpoints), 0);
      const all = group.localities.reduce((sum, each) => sum + weightOf(each.endpoints), 0);
      const keeps = group.localities.reduce((sum, each) => sum + keptWeightOf(each, kept), 0);
      const fit = Math.min(1, (healthy / all) * factor);
      const share = isLast ? rest : Math.min(rest, healthy === 0 ? 0 : fit * (keeps / healthy));
      for (const each of group.localities) {
        // By what is healthy of it: gRPC gives a locality its share however few of its endpoints can be used.
        const part = healthy === 0 ? weightOf(each.endpoints) / all : keptWeightOf(each, kept) / keeps;
        const weight = Math.max(1, Math.round(share * part * WHOLE));
        planned.push({ ...each, priority, weight });
        places.add(placeOf(each.region, each.zone));
      }
      rest -= share;
    } while (rest > 1e-6 && i < groups.length && !hasOneOf(groups[i]!, places));
  }
  return planned;
}

/** A place may be in a priority once only. */
function hasOneOf({ localities }: Group, places: ReadonlySet<string>): boolean {
  return localities.some(({ region, zone }) => places.has(placeOf(region, zone)));
}

/** @returns what places are told apart by. */
export function placeOf(region: string, zone: string): string {
  return `${region}|${zone}`;
}

function keptWeightOf({ region, zone, endpoints }: Locality, kept: KeptByPlace | undefined): number {
  const weight = healthyWeightOf(endpoints);
  return kept === undefined ? weight : weight * (kept.get(placeOf(region, zone)) ?? 1);
}

function weightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0);
}

function healthyWeightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight, health }) => sum + (health === "healthy" ? weight : 0), 0);
}
