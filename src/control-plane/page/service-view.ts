import type { Endpoint } from "../../resource/endpoint.ts";
import type { Route } from "../../resource/route.ts";
import type { ServiceModel } from "../../resource/service.ts";
import { SET_ASIDE_REASONS } from "../../resource/set-aside.ts";
import type { EndpointTraffic } from "../../xds/load/traffic-book.ts";
import { endpointHashes } from "./endpoint-hashes.ts";
import type { PageSource } from "./page-source.ts";
import type { EndpointLine, ServiceView } from "./page-view.ts";
import { serviceLine } from "./service-line.ts";

const MAX_ROWS = 2_000;
const MAX_ROUTES = 200;

/** In words, why callers send nothing new, in the order of SET_ASIDE_REASONS. */
const WHY_ASIDE = ["cannot connect to it", "ejected it for its answers", "find its health checks failing"];

/** @returns a service with its endpoints. */
export function serviceView(source: PageSource, model: ServiceModel): ServiceView {
  const nowMs = source.nowMs();
  const { cluster, authorities, routes, cause } = model;
  const { endpoints, settings, protocol, name } = cluster;
  const hashes = endpointHashes(cluster);
  const { traffic, book } = source.loads;
  const streams = book.of(name)?.streams;
  const seen = Array.from(hashes, (hash) => traffic?.endpoint(name, hash, nowMs));
  let requests = 0;
  let weights = 0;
  endpoints.forEach(({ weight, health }, i) => {
    requests += seen[i]?.requestsPerSecond ?? 0;
    if (health === "healthy") weights += weight;
  });
  const rows = endpoints.map((endpoint, i) => {
    const fair = requests > 0 && weights > 0 ? (requests * endpoint.weight) / weights : 0;
    return endpointLine(endpoint, seen[i], streams?.get(hashes[i]!) ?? 0, fair);
  });
  rows.sort(
    (a, b) =>
      (b.requestsPerSecond ?? 0) - (a.requestsPerSecond ?? 0) ||
      b.inFlight - a.inFlight ||
      (a.endpoint < b.endpoint ? -1 : 1),
  );
  const { metric, locality } = settings.loadBalancing;
  return {
    at: new Date().toISOString(),
    line: serviceLine(source, cluster, nowMs),
    authorities: authorities.slice(0, MAX_ROUTES),
    metric,
    distribution: locality.distribution,
    protocol,
    routes: routes.slice(0, MAX_ROUTES).map(routeText),
    cause: cause?.object ?? "",
    rows: rows.slice(0, MAX_ROWS),
    omitted: Math.max(0, rows.length - MAX_ROWS),
    flows: traffic?.flows(name, nowMs) ?? [],
  };
}

function endpointLine(
  endpoint: Endpoint,
  traffic: EndpointTraffic | undefined,
  inFlight: number,
  fair: number,
): EndpointLine {
  const { address, port, region, zone, node, priority, weight, health } = endpoint;
  const setAside = (traffic?.setAside ?? []).flatMap((callers, bit) =>
    callers > 0 ? [{ reason: SET_ASIDE_REASONS[bit]!, callers }] : [],
  );
  return {
    endpoint: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
    region,
    zone,
    node,
    priority,
    weight,
    health,
    setAside,
    ...stateOf(endpoint, traffic, inFlight),
    requestsPerSecond: traffic?.requestsPerSecond ?? null,
    errorsPerSecond: traffic?.errorsPerSecond ?? null,
    inFlight,
    p50Ms: traffic?.p50Ms ?? null,
    p99Ms: traffic?.p99Ms ?? null,
    ofFair: fair > 0 && health === "healthy" ? (traffic?.requestsPerSecond ?? 0) / fair : null,
  };
}

function stateOf(
  { health }: Endpoint,
  traffic: EndpointTraffic | undefined,
  inFlight: number,
): Pick<EndpointLine, "state" | "why"> {
  if (health === "unhealthy")
    return { state: "unhealthy", why: "its Pod is not ready, or its source says so" };
  if (health === "draining")
    return { state: "draining", why: "it is leaving; streams finish, no new ones come" };
  const aside = (traffic?.setAside ?? []).flatMap((callers, bit) =>
    callers > 0 ? [`${callers} ${callers === 1 ? "caller" : "callers"} ${WHY_ASIDE[bit]}`] : [],
  );
  if (aside.length > 0) return { state: "set aside", why: aside.join("; ") };
  if (inFlight > 0 || (traffic?.requestsPerSecond ?? 0) >= 0.01) return { state: "serving", why: "" };
  return { state: "idle", why: "no caller reports requests for it" };
}

function routeText({ name, clusters }: Route): string {
  const sides = clusters.map(({ name: to, weight }) => (clusters.length > 1 ? `${to} (${weight})` : to));
  return `${name}: ${sides.length === 0 ? "as the authority says" : sides.join(", ")}`;
}
