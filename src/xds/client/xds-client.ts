import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Cluster } from "../../resource/cluster.ts";
import type { XdsNode } from "../resources/delta-request.ts";
import { PLAIN_ROUTE } from "../resources/own-route.ts";
import type { HostRoute } from "../resources/xds-resource.ts";
import type { ADS_TIMES } from "./ads-connection.ts";
import { AdsConnection } from "./ads-connection.ts";
import type { AdsStream, AdsStreamOwner, AdsTransport } from "./ads-transport.ts";
import type { FleetViewSink } from "./own-views.ts";
import { OwnViews } from "./own-views.ts";
import { PublishedClusters } from "./published-clusters.ts";
import type { AuthorityTarget, ResourceKindName, ResourceLookup } from "./resolve-authority.ts";
import { RESOURCE_KINDS, resolveAuthority } from "./resolve-authority.ts";
import type { ResourceEntry } from "./resource-entry.ts";
import { createResourceTables, lookupIn } from "./resource-tables.ts";
import { RouteGroups } from "./route-groups.ts";
import type { XdsClientEvents } from "./xds-client-events.ts";
import type { XdsSink } from "./xds-sink.ts";

/** What a {@link XdsClient} is made of. */
export interface XdsClientOptions {
  readonly addresses: readonly string[];
  readonly transport: AdsTransport;
  readonly node: XdsNode;
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: XdsSink;
  readonly events: XdsClientEvents;
  /** How long updates that gut a service are held back, in ms; 0 is off. */
  readonly holdBackMs: number;
  /** Clusters that do not come from the control plane: what has their addresses is not used on suspicion. Default: none. */
  readonly others?: () => Iterable<Cluster>;
  /** Keep the octets of resources, for {@link XdsClient.resources}. */
  readonly keepOctets: boolean;
  /** Told of this proxy's place in the fleet, and of what others have in flight. Default: nothing of that is asked for. */
  readonly views?: FleetViewSink;
  /** For tests. */
  readonly times?: Partial<typeof ADS_TIMES>;
}

interface Authority {
  readonly name: string;
  needs: readonly (readonly [ResourceKindName, string])[];
  clusters: readonly string[];
  target: AuthorityTarget | undefined;
  /** Since when the control plane says that it is gone, while it is still served. */
  goneSinceMs: number | undefined;
  /** The route that leads around a cluster of the same name, and the list of just it. */
  around?: HostRoute;
  routesAround: readonly HostRoute[];
}

/**
 * Knows the services that are asked for, and nothing else: for each authority it follows Listener, RouteConfiguration, Cluster and
 * ClusterLoadAssignment as gRPC does, over one incremental stream, and hands on what they come to. What was found is kept while the
 * control plane is gone, and while what it says is wrong.
 */
export class XdsClient {
  readonly #options: XdsClientOptions;
  readonly #tables: ReturnType<typeof createResourceTables>;
  readonly #lookup: ResourceLookup;
  readonly #connection: AdsConnection;
  readonly #authorities = new Map<string, Authority>();
  /** Authorities by what they depend on. */
  readonly #users = new Map<string, Set<Authority>>();
  readonly #published: PublishedClusters;
  readonly #views: OwnViews | undefined;
  readonly #dirty = new Set<Authority>();
  readonly #dirtyClusters = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #flush: NodeJS.Immediate | undefined;
  readonly #routeGroups = new RouteGroups();

  constructor(options: XdsClientOptions) {
    this.#options = options;
    this.#tables = createResourceTables(options.keepOctets, (entry) => this.#changed(entry));
    const tables = this.#tables;
    this.#lookup = lookupIn(tables);
    const { addresses, transport, node, clock, random, events, sink } = options;
    const views = options.views && new OwnViews(node.id, options.views, () => this.#connection.changed());
    this.#views = views;
    this.#published = new PublishedClusters({
      lookup: this.#lookup,
      holdBackMs: options.holdBackMs,
      nowMs: () => clock.nowMs(),
      onUse: (name) => views?.use(name),
      wasRemoved: (name) => views?.wasRemoved(name) === true,
      upsert: (cluster) => sink.upsert(cluster),
      remove: (name) => {
        views?.unuse(name);
        sink.remove(name);
      },
      onHeldBack: (cluster, held) => events.onHeldBack(cluster, held),
      onStrangers: (cluster, addresses) => events.onStrangers?.(cluster, addresses),
      others: options.others ?? (() => []),
    });
    this.#connection = new AdsConnection(
      {
        addresses,
        transport,
        node,
        tables: RESOURCE_KINDS.map((kind) => tables[kind]),
        ownTables: views?.tables ?? [],
        greets: views?.isUrgent === true,
        clock,
        random,
        onConnected: (address) => events.onConnected(address),
        onDisconnected: (address, reason) => events.onDisconnected(address, reason),
        onAnswer: (typeUrl, problem) => events.onAnswer(typeUrl, problem),
      },
      options.times,
    );
    this.#timer = setInterval(() => this.#look(), 250);
    this.#timer.unref();
  }

  get isConnected(): boolean {
    return this.#connection.isConnected;
  }

  /** Where the stream goes, or where one is tried. */
  get address(): string {
    return this.#connection.address;
  }

  /** Names that are wanted. */
  get authorities(): Iterable<string> {
    return this.#authorities.keys();
  }

  /** Every resource that is subscribed to. */
  *resources(): Iterable<ResourceEntry> {
    for (const kind of RESOURCE_KINDS) yield* this.#tables[kind].entries;
  }

  /** Clusters in use whose load the control plane wants to know. */
  get reportedClusters(): Iterable<string> {
    return this.#published.reported();
  }

  /** Opens a stream for reports of load to the control plane that resources come from; undefined while there is none. */
  openReports(owner: AdsStreamOwner): AdsStream | undefined {
    return this.#connection.openReports(owner);
  }

  /** Clusters of which endpoints are held back, with their number. */
  heldBack(): Iterable<readonly [string, number]> {
    return this.#published.heldBack();
  }

  /** Resources from disk that no control plane has confirmed. */
  get suspectCount(): number {
    let count = 0;
    for (const { fromDisk } of this.resources()) if (fromDisk) count++;
    return count;
  }

  start(): void {
    this.#connection.start();
  }

  /**
   * Endpoints from disk that no control plane has confirmed are too old to be connected to: connections that stand are used on.
   *
   * @returns names of their clusters.
   */
  expireUnconfirmed(): string[] {
    return this.#published.expireDisk();
  }

  /** Wants an authority (lower case); the answer goes to the sink, and so does every later one until {@link drop}. */
  want(name: string): void {
    const known = this.#authorities.get(name);
    if (known !== undefined) {
      if (known.target !== undefined) this.#options.sink.authority(name, known.target);
      return;
    }
    const authority: Authority = {
      name,
      needs: [],
      clusters: [],
      target: undefined,
      goneSinceMs: undefined,
      routesAround: [],
    };
    this.#authorities.set(name, authority);
    this.#resolve(authority);
    this.#options.events.onChange();
  }

  /** Does not want an authority any more; what nothing else depends on is forgotten. */
  drop(name: string): void {
    const authority = this.#authorities.get(name);
    if (authority === undefined) return;
    this.#authorities.delete(name);
    this.#dirty.delete(authority);
    const { clusters } = authority;
    authority.target = undefined;
    authority.clusters = [];
    this.#routeGroups.set(name, undefined);
    this.#publishRoutes();
    for (const cluster of clusters) this.#published.unuse(cluster);
    this.#setNeeds(authority, []);
    this.#options.events.onChange();
  }

  /** @returns clusters that the authority may send to, none as long as nothing is known of it. */
  clustersOf(name: string): readonly string[] {
    return this.#authorities.get(name)?.clusters ?? [];
  }

  /** Takes a resource that the disk has, after everything that names it is wanted. @returns why it is of no use, "" when it is. */
  restore(kind: ResourceKindName, name: string, version: string, octets: Uint8Array): string {
    return this.#tables[kind].restore(name, version, octets);
  }

  /** This proxy's place in the fleet as it came; undefined where none is known or asked for. */
  get place(): ResourceEntry | undefined {
    return this.#views?.place;
  }

  /** As {@link restore}, for the place. */
  restorePlace(name: string, version: string, octets: Uint8Array): string {
    return this.#views?.restorePlace(name, version, octets) ?? "";
  }

  /** Makes what has changed count now, and not at the end of the turn. */
  settle(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    // A resource that is found may lead to the next.
    while (this.#dirty.size > 0 || this.#dirtyClusters.size > 0) this.#work();
  }

  /** The clusters that do not come from the control plane are others now. */
  othersChanged(): void {
    this.#published.othersChanged();
  }

  /** Believes at once what is held back. @param cluster only of this one. @returns names of the clusters that this changed. */
  release(cluster?: string): string[] {
    return this.#published.release((name) => cluster === undefined || cluster === name);
  }

  close(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#flush);
    this.#connection.close();
  }

  #changed(entry: ResourceEntry): void {
    const kind = RESOURCE_KINDS.find((each) => this.#tables[each].typeUrl === entry.typeUrl)!;
    for (const authority of this.#users.get(`${kind} ${entry.name}`) ?? []) {
      this.#dirty.add(authority);
      if (kind === "cluster") this.#dirtyClusters.add(entry.name);
      else if (kind === "loadAssignment") {
        for (const cluster of authority.clusters) this.#dirtyClusters.add(cluster);
      }
    }
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.settle();
    });
    this.#options.events.onChange();
  }

  #work(): void {
    const authorities = [...this.#dirty];
    const clusters = [...this.#dirtyClusters];
    this.#dirty.clear();
    this.#dirtyClusters.clear();
    this.#published.update(clusters);
    for (const authority of authorities) if (this.#authorities.has(authority.name)) this.#resolve(authority);
  }

  #resolve(authority: Authority): void {
    const { needs, clusters, target: found } = resolveAuthority(authority.name, this.#lookup);
    const target = found === undefined ? undefined : this.#withoutClash(authority, found);
    if (target === undefined) {
      // Until the new target is complete the former one serves on, and what it needs stays.
      const former = authority.target === undefined ? [] : authority.needs;
      this.#setNeeds(authority, [...needs, ...former]);
      return;
    }
    if (this.#staysForNow(authority, target)) return;
    this.#setNeeds(authority, needs);
    const former = authority.clusters;
    authority.clusters = clusters;
    const isSame = sameTarget(authority.target, target);
    authority.target = target;
    for (const cluster of clusters) {
      if (!this.#published.has(cluster)) this.#markClash(cluster, authority);
      this.#published.use(cluster);
    }
    if (!isSame) this.#routeGroups.set(authority.name, target);
    this.#publishRoutes();
    if (!isSame) this.#options.sink.authority(authority.name, target);
    for (const cluster of former) this.#published.unuse(cluster);
  }

  /** A name that is another cluster's as well would lead there: then a route says where its requests go. */
  #withoutClash(authority: Authority, target: AuthorityTarget): AuthorityTarget {
    const { name } = authority;
    if (target.kind !== "cluster" || target.cluster === name || !this.#published.has(name)) return target;
    const { cluster } = target;
    if (authority.around?.clusters[0]?.name !== cluster) {
      authority.around = {
        ...PLAIN_ROUTE,
        name: `${name} to ${cluster}`,
        clusters: [{ name: cluster, weight: 1 }],
      };
      authority.routesAround = [authority.around];
    }
    return { kind: "routes", group: `${name} to ${cluster}`, routes: authority.routesAround };
  }

  /** A cluster is about to be published: an authority that is called as it is may clash with it. */
  #markClash(cluster: string, user: Authority): void {
    const named = this.#authorities.get(cluster);
    if (named !== undefined && named !== user) this.#dirty.add(named);
  }

  /** A service that is taken away goes a little later, as its endpoints would. */
  #staysForNow(authority: Authority, target: AuthorityTarget): boolean {
    const { clock, holdBackMs } = this.#options;
    if (target.kind !== "absent" || authority.target === undefined || authority.target.kind === "absent") {
      authority.goneSinceMs = undefined;
      return false;
    }
    const { clusters } = authority;
    const isMeant = clusters.length > 0 && clusters.every((name) => this.#views?.wasRemoved(name) === true);
    const nowMs = clock.nowMs();
    if (isMeant) authority.goneSinceMs = nowMs - holdBackMs;
    authority.goneSinceMs ??= nowMs;
    if (nowMs - authority.goneSinceMs >= holdBackMs) {
      authority.goneSinceMs = undefined;
      return false;
    }
    return true;
  }

  /** Subscribes to what is new among an authority's needs, then lets go of what is not needed any more. */
  #setNeeds(authority: Authority, needs: Authority["needs"]): void {
    const keys = new Map(needs.map((need) => [keyOf(need), need]));
    const former = new Map(authority.needs.map((need) => [keyOf(need), need]));
    let changed = false;
    for (const [key, [kind, name]] of keys) {
      if (former.has(key)) continue;
      const users = this.#users.get(key) ?? new Set();
      this.#users.set(key, users);
      users.add(authority);
      if (this.#tables[kind].add(name)) changed = true;
      // Others may have it already: then it leads on at once.
      else this.#dirty.add(authority);
    }
    for (const [key, [kind, name]] of former) {
      if (keys.has(key)) continue;
      const users = this.#users.get(key);
      users?.delete(authority);
      if (users?.size === 0) this.#users.delete(key);
      if (this.#tables[kind].delete(name)) changed = true;
    }
    authority.needs = [...keys.values()];
    if (changed) this.#connection.changed();
  }

  #publishRoutes(): void {
    const changes = this.#routeGroups.take();
    if (changes !== undefined) this.#options.sink.routes(changes);
  }

  /** Time has passed: what was held back for long enough is believed. */
  #look(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#published.release((_, dueMs) => nowMs >= dueMs);
    for (const authority of this.#authorities.values()) {
      if (authority.goneSinceMs !== undefined) this.#dirty.add(authority);
    }
    if (this.#dirty.size > 0) this.settle();
  }
}

function keyOf([kind, name]: readonly [ResourceKindName, string]): string {
  return `${kind} ${name}`;
}

function sameTarget(a: AuthorityTarget | undefined, b: AuthorityTarget): boolean {
  if (a?.kind !== b.kind) return false;
  if (a.kind === "cluster" && b.kind === "cluster") return a.cluster === b.cluster;
  return a.kind === "routes" && b.kind === "routes" && a.group === b.group && a.routes === b.routes;
}
