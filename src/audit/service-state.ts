import type { Cluster } from "../resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../resource/cluster.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import { ENDPOINT_DEFAULTS } from "../resource/endpoint.ts";
import type { ServiceModel } from "../resource/service.ts";
import type { Json, JsonDiff, JsonObject } from "./json-diff.ts";
import { applyDiff, DiffBuilder, diffJson, within } from "./json-diff.ts";

const USUAL_ENDPOINT: JsonObject = ENDPOINT_DEFAULTS;

/** An endpoint without what is as usual. */
export interface EndpointState extends JsonObject {
  readonly address: string;
  readonly port: number;
  readonly zone?: string;
  readonly region?: string;
  readonly node?: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly health?: string;
  readonly labels?: JsonObject;
}

/** A service as it was, whole. */
export interface ServiceState extends JsonObject {
  readonly authorities: readonly string[];
  /** Settings and limits, without name and endpoints. */
  readonly cluster: JsonObject;
  readonly routes: readonly Json[];
  readonly deliberate?: boolean;
  /** By identity: an endpoint's key without the service's name. */
  readonly endpoints: Readonly<Record<string, EndpointState>>;
}

/** A service as it stands in a record: of its settings only what is not as usual. */
export interface WrittenService extends JsonObject {
  readonly authorities: readonly string[];
  /** A {@link JsonDiff} against {@link usualCluster} as the head of the file has it. */
  readonly cluster?: JsonObject;
  readonly routes?: readonly Json[];
  readonly deliberate?: boolean;
  readonly endpoints: Readonly<Record<string, EndpointState>>;
}

/** @returns what applies where a service says nothing. */
export function usualCluster(): JsonObject {
  return CLUSTER_DEFAULTS as unknown as JsonObject;
}

/** @returns the service as it is written. */
export function writeService(model: ServiceModel): WrittenService {
  const cluster = diffJson(usualCluster(), plainCluster(model.cluster));
  const endpoints: Record<string, EndpointState> = {};
  for (const endpoint of model.cluster.endpoints)
    endpoints[identityOf(model.name, endpoint)] = stateOf(endpoint);
  return {
    authorities: model.authorities,
    ...(cluster === undefined ? {} : { cluster: { set: cluster.set ?? {}, unset: cluster.unset ?? [] } }),
    ...(model.routes.length === 0 ? {} : { routes: model.routes as unknown as Json[] }),
    ...(model.deliberate === true ? { deliberate: true } : {}),
    endpoints,
  };
}

/** @returns the service whole. @param usual as the head of the file has it. */
export function readService(written: WrittenService, usual: JsonObject): ServiceState {
  const { authorities, cluster = {}, routes = [], deliberate, endpoints } = structuredClone(written);
  return {
    authorities,
    cluster: applyDiff(structuredClone(usual), cluster as JsonDiff),
    routes,
    ...(deliberate === undefined ? {} : { deliberate }),
    endpoints,
  };
}

/** What of a service a change concerns, as xDS divides it. */
export type ServicePart = "listener" | "routes" | "cluster" | "endpoints";

/** @returns what makes one service of the other, and which parts of it may be others now; undefined when nothing does. */
export function diffService(
  before: ServiceModel,
  after: ServiceModel,
): { readonly diff: JsonDiff; readonly parts: readonly ServicePart[] } | undefined {
  const diff = new DiffBuilder();
  const parts = new Set<ServicePart>();
  const note = (changed: readonly ServicePart[], compare: () => void): void => {
    const count = diff.size;
    compare();
    if (diff.size > count) for (const part of changed) parts.add(part);
  };
  note(["listener", "routes"], () => {
    if (before.authorities !== after.authorities)
      diff.compare("/authorities", before.authorities, after.authorities);
  });
  note(["cluster", "endpoints", "routes"], () => {
    if (before.cluster.settings !== after.cluster.settings || !isSamePlain(before.cluster, after.cluster))
      diff.compare("/cluster", plainCluster(before.cluster), plainCluster(after.cluster));
  });
  note(["routes"], () => {
    if (before.routes !== after.routes)
      diff.compare("/routes", before.routes as unknown as Json, after.routes as unknown as Json);
  });
  note(["endpoints"], () => {
    diff.compare("/deliberate", before.deliberate || undefined, after.deliberate || undefined);
    if (before.cluster.endpoints !== after.cluster.endpoints) compareEndpoints(diff, before, after);
  });
  const built = diff.build();
  return built === undefined ? undefined : { diff: built, parts: [...parts] };
}

/** Sources hand on what has not changed as the same object: only the others are looked at. */
function compareEndpoints(diff: DiffBuilder, before: ServiceModel, after: ServiceModel): void {
  const former = new Map(before.cluster.endpoints.map((endpoint) => [endpoint.key, endpoint]));
  for (const endpoint of after.cluster.endpoints) {
    const known = former.get(endpoint.key);
    former.delete(endpoint.key);
    if (known === endpoint) continue;
    const place = within("/endpoints", identityOf(after.name, endpoint));
    diff.compare(place, known === undefined ? undefined : stateOf(known), stateOf(endpoint));
  }
  for (const endpoint of former.values())
    diff.compare(within("/endpoints", identityOf(before.name, endpoint)), stateOf(endpoint), undefined);
}

function identityOf(service: string, { key }: Endpoint): string {
  return key.startsWith(`${service}|`) ? key.slice(service.length + 1) : key;
}

/** All fields there are, so that none that is added one day is forgotten here. */
function stateOf(endpoint: Endpoint): EndpointState {
  const state: Record<string, Json> = {};
  for (const [name, value] of Object.entries(endpoint) as [string, Json][]) {
    if (name === "key" || value === USUAL_ENDPOINT[name] || isEmpty(value)) continue;
    state[name] = value;
  }
  return state as EndpointState;
}

function isEmpty(value: Json): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function plainCluster(cluster: Cluster): JsonObject {
  const { name: _, endpoints: __, ...plain } = cluster;
  return plain as unknown as JsonObject;
}

function isSamePlain(a: Cluster, b: Cluster): boolean {
  return (
    a === b ||
    (Object.keys(a) as (keyof Cluster)[]).every(
      (key) => key === "endpoints" || key === "settings" || a[key] === b[key],
    )
  );
}
