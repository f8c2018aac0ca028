import type { Cluster } from "../../resource/cluster.ts";
import type { ServiceLoad } from "../../xds/load/load-book.ts";
import type { EndpointTraffic, ZoneFlow } from "../../xds/load/traffic-book.ts";
import { endpointHashes } from "./endpoint-hashes.ts";
import type { PageSource } from "./page-source.ts";
import type { ServiceLine, SkewView } from "./page-view.ts";

/** Below this many requests per second, or streams in flight, over all endpoints it is chance that decides, and no skew is shown. */
const LEAST_LOAD = 1;

/** @returns a service in a line. */
export function serviceLine(source: PageSource, cluster: Cluster, nowMs: number): ServiceLine {
  const { loads } = source;
  const { name, endpoints, settings } = cluster;
  const hashes = endpointHashes(cluster);
  const load = loads.book.of(name);
  const traffic = Array.from(hashes, (hash) => loads.traffic?.endpoint(name, hash, nowMs));
  let inFlight = 0;
  for (const place of load?.places ?? []) inFlight += place.inFlight;
  const { requests, errors } = ratesOf(source, load, traffic);
  return {
    name,
    policy: settings.loadBalancing.policy,
    endpoints: endpoints.length,
    healthy: endpoints.filter(({ health }) => health === "healthy").length,
    setAside: traffic.filter((each, i) => endpoints[i]!.health === "healthy" && isAside(each)).length,
    callers: load?.reporters ?? 0,
    requestsPerSecond: requests,
    errorShare: requests > 0 ? Math.min(1, errors / requests) : null,
    inFlight,
    skew: skewOf(cluster, traffic, load?.streams, hashes),
    crossZoneShare: crossZoneShare(loads.traffic?.flows(name, nowMs) ?? []),
    p99Ms: loads.traffic?.p99Ms(name, hashes) ?? null,
  };
}

/** Averages where all clients are this replica's, so that a service's figures are those of its endpoints together; else what was reported last. */
function ratesOf(
  { loads }: PageSource,
  load: ServiceLoad | undefined,
  traffic: readonly (EndpointTraffic | undefined)[],
): { readonly requests: number; readonly errors: number } {
  const sums = { requests: 0, errors: 0 };
  if (loads.replicas.size > 0) {
    for (const place of load?.places ?? []) sums.errors += place.errorsPerSecond;
    return { ...sums, requests: load?.requestsPerSecond ?? 0 };
  }
  for (const each of traffic) {
    sums.requests += each?.requestsPerSecond ?? 0;
    sums.errors += each?.errorsPerSecond ?? 0;
  }
  return sums;
}

function isAside(traffic: EndpointTraffic | undefined): boolean {
  return traffic?.setAside.some((callers) => callers > 0) === true;
}

/** By requests where they are known by endpoint, else by streams in flight; each over the endpoint's weight. */
function skewOf(
  { endpoints }: Cluster,
  traffic: readonly (EndpointTraffic | undefined)[],
  streams: ReadonlyMap<number, number> | undefined,
  hashes: Uint32Array,
): SkewView | null {
  const byRequests = skewBy(endpoints, (i) => traffic[i]?.requestsPerSecond ?? 0);
  if (byRequests !== null) return { ...byRequests, of: "requests" };
  const byStreams = skewBy(endpoints, (i) => streams?.get(hashes[i]!) ?? 0);
  return byStreams === null ? null : { ...byStreams, of: "in_flight" };
}

function skewBy(
  endpoints: Cluster["endpoints"],
  loadAt: (index: number) => number,
): Omit<SkewView, "of"> | null {
  let sum = 0;
  const loads: number[] = [];
  endpoints.forEach(({ health, weight }, i) => {
    if (health !== "healthy") return;
    const load = loadAt(i);
    sum += load;
    loads.push(load / weight);
  });
  if (loads.length === 0 || sum < LEAST_LOAD) return null;
  const mean = loads.reduce((a, b) => a + b, 0) / loads.length;
  const variance = loads.reduce((a, b) => a + (b - mean) ** 2, 0) / loads.length;
  // Not as arguments: there may be more endpoints than a call takes.
  const most = loads.reduce((a, b) => Math.max(a, b), 0);
  return { maxOverMean: most / mean, variation: Math.sqrt(variance) / mean };
}

/** @returns the share of requests that left their zone, of those of which both zones are known; null where there are none. */
export function crossZoneShare(flows: readonly ZoneFlow[]): number | null {
  let all = 0;
  let crossing = 0;
  for (const { from, to, requestsPerSecond } of flows) {
    if (from === "" || to === "") continue;
    all += requestsPerSecond;
    if (from !== to) crossing += requestsPerSecond;
  }
  return all === 0 ? null : crossing / all;
}
