import type { Cluster } from "../../resource/cluster.ts";
import type { ServiceModel } from "../../resource/service.ts";
import type { ServiceSink } from "../../resource/service-source.ts";
import { CLIENT_KINDS } from "../resources/client-kind.ts";
import type { ClientView } from "../resources/client-view.ts";
import { encodeCluster } from "../resources/encode-cluster.ts";
import { encodeListener } from "../resources/encode-listener.ts";
import { encodeLoadAssignment } from "../resources/encode-load-assignment.ts";
import { ALL_ROUTES, encodeRoutes, encodeVirtualHost, joinVirtualHosts } from "../resources/encode-routes.ts";
import { EncodedResource } from "../resources/encoded-resource.ts";
import type { KeptByPlace } from "../resources/plan-localities.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import { TYPE_URL } from "../resources/type-url.ts";
import { LastGood } from "./last-good.ts";
import type { ResourceChange, ResourceSource, ServiceFilter } from "./resource-source.ts";
import { sameList, sameValue } from "./same-value.ts";

const { listener, routeConfiguration, cluster, loadAssignment } = TYPE_URL;

/** One resource as views of it were found. */
interface Recent {
  readonly type: TypeUrl;
  readonly name: string;
  readonly found: Map<ClientView, EncodedResource>;
}

/** Views whose resource is kept at hand. */
const MOST_RECENT = 16;

interface Service {
  model: ServiceModel;
  /** By type and view, listeners by authority too. */
  readonly resources: LastGood<EncodedResource>;
  /** Its part of {@link ALL_ROUTES}, by kind of client. */
  readonly hosts: LastGood<Uint8Array>;
  /** What was found last: a push asks for the same for each of its clients. */
  recent?: Recent | undefined;
  /** What its zones keep of their load, as far as gRPC clients are to be told; undefined: everything. */
  kept?: KeptByPlace | undefined;
}

/** Versions of {@link ALL_ROUTES} that are kept: one for each kind of client, and for each role. */
const MOST_FILTERED = 64;

/** Told when a service cannot be encoded. What it was before is served on; where there was nothing, it does not exist. */
export type EncodingFault = (service: string, type: TypeUrl, error: unknown) => void;

/**
 * All services as resources: encoded when somebody first asks for them, kept for all who are alike, and dropped when they change. It
 * knows no client and no stream.
 */
export class ResourceCache implements ServiceSink, ResourceSource {
  readonly #services = new Map<string, Service>();
  readonly #authorities = new Map<string, string>();
  /** Services by the clusters of others that their routes name. */
  readonly #leading = new Map<string, Set<string>>();
  /** {@link ALL_ROUTES} by kind of client, and by what it may have of them. */
  readonly #allRoutes = new Map<string, EncodedResource>();
  readonly #onChange: ((change: ResourceChange) => void)[] = [];
  readonly #onSynced: (() => void)[] = [];
  readonly #onFault: EncodingFault;
  #synced = false;

  constructor(onFault: EncodingFault = () => {}) {
    this.#onFault = onFault;
  }

  get isSynced(): boolean {
    return this.#synced;
  }

  /** @returns whether there is a service of this canonical name. */
  has(name: string): boolean {
    return this.#services.has(name);
  }

  get serviceCount(): number {
    return this.#services.size;
  }

  get endpointCount(): number {
    let count = 0;
    for (const { model } of this.#services.values()) count += model.cluster.endpoints.length;
    return count;
  }

  watch(onChange: (change: ResourceChange) => void, onSynced: () => void): void {
    this.#onChange.push(onChange);
    this.#onSynced.push(onSynced);
  }

  synced(): void {
    if (this.#synced) return;
    this.#synced = true;
    for (const each of this.#onSynced) each();
  }

  upsert(model: ServiceModel): void {
    const { name } = model;
    const service = this.#services.get(name);
    const former = service?.model;
    if (former === model) return;
    this.#noteLeading(name, former?.routes, model.routes);
    const resources: { type: TypeUrl; name: string }[] = [];
    const changed = changedTypes(former, model);
    if (changed.listeners) {
      for (const authority of former?.authorities ?? []) {
        if (this.#authorities.get(authority) === name) this.#authorities.delete(authority);
        resources.push({ type: listener, name: authority });
      }
      for (const authority of model.authorities) {
        this.#authorities.set(authority, name);
        if (former?.authorities.includes(authority) !== true)
          resources.push({ type: listener, name: authority });
      }
    }
    if (changed.cluster) resources.push({ type: cluster, name });
    if (changed.endpoints) resources.push({ type: loadAssignment, name });
    if (changed.routes) resources.push({ type: routeConfiguration, name });
    if (changed.routes || changed.listeners) {
      this.#allRoutes.clear();
      resources.push({ type: routeConfiguration, name: ALL_ROUTES });
    }
    if (service === undefined)
      this.#services.set(name, { model, resources: new LastGood(), hosts: new LastGood() });
    else {
      service.model = model;
      for (const { type, name: resource } of resources) dropEncoded(service, type, resource);
    }
    if (resources.length > 0) this.#changed({ service: name, resources });
  }

  /** @returns the endpoints and settings of a service. */
  cluster(name: string): Cluster | undefined {
    return this.#services.get(name)?.model.cluster;
  }

  /** @param called its canonical name, or one of its authorities. */
  model(called: string): ServiceModel | undefined {
    return (this.#services.get(called) ?? this.#services.get(this.#authorities.get(called) ?? ""))?.model;
  }

  /** All services as they are now. */
  *models(): Generator<ServiceModel> {
    for (const { model } of this.#services.values()) yield model;
  }

  /** The zones of a service keep this of their load from now on; gRPC clients are told so by weights. @param kept undefined: everything. */
  keep(name: string, kept: KeptByPlace | undefined): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    service.kept = kept;
    dropEncoded(service, loadAssignment, name);
    // Others get the same octets as before, and so nothing.
    this.#changed({ service: name, resources: [{ type: loadAssignment, name }] });
  }

  remove(name: string): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    this.#services.delete(name);
    this.#noteLeading(name, service.model.routes, []);
    this.#allRoutes.clear();
    const resources = [
      { type: routeConfiguration, name: ALL_ROUTES },
      { type: routeConfiguration, name },
      { type: cluster, name },
      { type: loadAssignment, name },
    ] as { type: TypeUrl; name: string }[];
    for (const authority of service.model.authorities) {
      // Another service may have taken it over.
      if (this.#authorities.get(authority) === name) this.#authorities.delete(authority);
      resources.push({ type: listener, name: authority });
    }
    this.#changed({ service: name, resources });
  }

  serviceOf(type: TypeUrl, name: string): string | undefined {
    if (type === listener) return this.#authorities.get(name);
    if (type === routeConfiguration && name === ALL_ROUTES) return "";
    return this.#services.has(name) ? name : undefined;
  }

  leadingTo(service: string): Iterable<string> {
    return this.#leading.get(service) ?? [];
  }

  find(type: TypeUrl, name: string, view: ClientView, filter?: ServiceFilter): EncodedResource | undefined {
    if (type === routeConfiguration && name === ALL_ROUTES) return this.#findAllRoutes(view, filter);
    const service = this.#services.get(type === listener ? (this.#authorities.get(name) ?? "") : name);
    if (service === undefined) return undefined;
    const recent = service.recent;
    const isRecent = recent !== undefined && recent.type === type && recent.name === name;
    const known = isRecent ? recent.found.get(view) : undefined;
    if (known !== undefined) return known;
    const { model, resources } = service;
    const resource = resources.get(
      keyOf(type, name, view, model),
      () =>
        new EncodedResource(type, name, encode(type, name, service, view), isDeliberate(type, model, view)),
      (error) => this.#onFault(model.name, type, error),
    );
    if (resource !== undefined) {
      if (isRecent && recent.found.size < MOST_RECENT) recent.found.set(view, resource);
      else service.recent = { type, name, found: new Map([[view, resource]]) };
    }
    return resource;
  }

  /** An Envoy has listeners of its own and may be given no other; it asks for the routes it wants. */
  names(type: TypeUrl, view: ClientView): Iterable<string> {
    if (type === listener) return view.kind === "envoy" ? [] : this.#authorities.keys();
    return type === routeConfiguration ? [] : this.#services.keys();
  }

  #findAllRoutes({ kind }: ClientView, filter: ServiceFilter | undefined): EncodedResource {
    const key = filter === undefined ? kind : `${kind} ${filter.key}`;
    let encoded = this.#allRoutes.get(key);
    if (encoded === undefined) {
      const hosts: Uint8Array[] = [];
      for (const name of [...this.#services.keys()].sort()) {
        if (filter?.mayCall(name) === false) continue;
        const { model, hosts: known } = this.#services.get(name)!;
        if (model.authorities.length === 0) continue;
        const host = known.get(
          kind,
          () => encodeVirtualHost(model, kind),
          (error) => this.#onFault(name, routeConfiguration, error),
        );
        if (host !== undefined) hosts.push(host);
      }
      encoded = new EncodedResource(routeConfiguration, ALL_ROUTES, joinVirtualHosts(hosts));
      if (this.#allRoutes.size >= MOST_FILTERED) this.#allRoutes.clear();
      this.#allRoutes.set(key, encoded);
    }
    return encoded;
  }

  #noteLeading(service: string, former: ServiceModel["routes"] = [], routes: ServiceModel["routes"]): void {
    if (former === routes) return;
    for (const cluster of clustersOf(former)) {
      const leading = this.#leading.get(cluster);
      if (leading?.delete(service) === true && leading.size === 0) this.#leading.delete(cluster);
    }
    for (const cluster of clustersOf(routes)) {
      if (cluster === service) continue;
      const leading = this.#leading.get(cluster);
      if (leading === undefined) this.#leading.set(cluster, new Set([service]));
      else leading.add(service);
    }
  }

  #changed(change: ResourceChange): void {
    for (const each of this.#onChange) each(change);
  }
}

function clustersOf(routes: ServiceModel["routes"]): Iterable<string> {
  return routes.flatMap(({ clusters, mirror }) => [
    ...clusters.map(({ name }) => name),
    ...(mirror === null ? [] : [mirror.cluster]),
  ]);
}

/** Keys that are asked for with every push, by type and what follows it. */
const knownKeys = new Map<TypeUrl, Map<string, string>>();
/** A client may name any place. */
const MOST_KNOWN_KEYS = 1_024;

/** @returns both with a space between them: always the same text, whose hash is known. */
function keyOfBoth(type: TypeUrl, rest: string): string {
  let keys = knownKeys.get(type);
  if (keys === undefined) {
    keys = new Map();
    knownKeys.set(type, keys);
  }
  let key = keys.get(rest);
  if (key === undefined) {
    if (keys.size >= MOST_KNOWN_KEYS) keys.clear();
    key = `${type} ${rest}`;
    keys.set(rest, key);
  }
  return key;
}

/** What everybody gets alike is kept once per kind of client, what depends on the place once per place, or per node. */
function keyOf(
  type: TypeUrl,
  name: string,
  view: ClientView,
  { cluster: { endpoints, settings } }: ServiceModel,
): string {
  if (type === loadAssignment) {
    const { distribution } = settings.loadBalancing.locality;
    if (distribution !== "OnlySameNode" || view.kind === "isobar") return keyOfBoth(type, view.id);
    // Nodes without endpoints are alike, and however many clients invent there are no more keys than nodes.
    const node = endpoints.some((endpoint) => endpoint.node === view.node) ? view.node : "";
    return `${type} ${view.id} ${node}`;
  }
  return type === listener ? `${type} ${name}` : keyOfBoth(type, view.kind);
}

function encode(type: TypeUrl, name: string, { model, kept }: Service, view: ClientView): Uint8Array {
  switch (type) {
    case listener:
      return encodeListener(name, model.name);
    case routeConfiguration:
      return encodeRoutes(model, view.kind);
    case cluster:
      return encodeCluster(model.cluster, view.kind);
    case loadAssignment:
      return encodeLoadAssignment(model.cluster, view, kept);
    default:
      throw new Error(`${type} is no resource of a service`);
  }
}

/** Only proxies of ours hold an update back until they know. */
function isDeliberate(type: TypeUrl, { deliberate }: ServiceModel, { kind }: ClientView): boolean {
  return type === loadAssignment && kind === "isobar" && deliberate === true;
}

function dropEncoded(service: Service, type: TypeUrl, name: string): void {
  const { resources, hosts } = service;
  service.recent = undefined;
  if (type === listener) resources.drop(`${type} ${name}`);
  else if (name === ALL_ROUTES) for (const kind of CLIENT_KINDS) hosts.drop(kind);
  else resources.drop(type);
}

/** What of a service's resources may differ. */
function changedTypes(former: ServiceModel | undefined, model: ServiceModel) {
  if (former === undefined) return { listeners: true, cluster: true, endpoints: true, routes: true };
  const settings = !sameValue(former.cluster.settings, model.cluster.settings);
  const listeners = !sameList(former.authorities, model.authorities);
  return {
    listeners,
    cluster: settings || !sameConnections(former.cluster, model.cluster),
    endpoints: settings || !sameList(former.cluster.endpoints, model.cluster.endpoints),
    routes:
      settings ||
      listeners ||
      former.routesOnly !== model.routesOnly ||
      !sameValue(former.routes, model.routes),
  };
}

function sameConnections(a: Cluster, b: Cluster): boolean {
  return sameValue({ ...a, settings: 0, endpoints: 0 }, { ...b, settings: 0, endpoints: 0 });
}
