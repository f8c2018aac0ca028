import { literalRecord } from "../../h2/hpack/write-field.ts";
import type { Route, RouteConfiguration } from "../../resource/route.ts";
import { NO_ROUTE } from "../../route/authority-table.ts";
import type { CompiledRoute } from "../../route/compiled-route.ts";
import { HeaderView } from "../../route/header-view.ts";
import { firstRoute, NO_HOST, RouteTable } from "../../route/route-table.ts";
import { NO_HASH } from "../../route/sticky-key.ts";
import { RouteCell, RouteCounters, routeColumn } from "../../telemetry/route-counters.ts";
import type { RequestNames } from "../authorities/request-names.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { RequestHash } from "../request-hash.ts";
import type { AttemptPolicy } from "../retry/attempt-policy.ts";
import { HostCache } from "./host-cache.ts";
import { LabelIndex } from "./label-index.ts";
import { MirrorBudget } from "./mirror-budget.ts";
import type { MirrorStart } from "./mirrors.ts";
import { Mirrors } from "./mirrors.ts";
import type { EndpointSet, PlainRequest, RequestRoutes, RouteChoice } from "./request-routes.ts";
import { RouteHashes } from "./route-hashes.ts";
import { RoutePolicies } from "./route-policies.ts";
import type { RouteGroupUpdate, RouteSeriesNumbers, RouteUpdate } from "./route-update.ts";

/** A stream's slot that none has: of requests that are none yet. */
const NO_STREAM = 0;
/** Share of the engine's scratch memory before the part that values are decoded to; no field block comes that far. */
const BLOCK_SHARE = 0.75;

/** Where a route's requests go just now, and what is kept beside it. */
interface RouteTargets {
  /** Slot by place among the route's clusters, NO_ROUTE for one that is not known (any more). */
  readonly slots: Int32Array;
  /** Number of the series of the counters, likewise; one for a route without clusters. */
  readonly series: readonly number[];
  /** AuthorityTable.version that the slots are of. */
  version: number;
  /** By cluster slot. */
  readonly labels: (LabelIndex | undefined)[];
  readonly mirrorBudget: MirrorBudget | undefined;
  mirror: MirrorStart | undefined;
}

/** The configuration's routes, with the numbers of their series. */
interface Configured {
  readonly configuration: RouteConfiguration;
  readonly series: RouteSeriesNumbers;
}

const NOTHING: Configured = { configuration: { version: "", routes: [] }, series: [] };
/** Header names of routes; of those there are, twice as many may be kept. */
const MOST_NAMES = 1024;

/** Which of the workers it is for. */
export interface WorkerPlace {
  readonly workerIndex: number;
  readonly workerCount: number;
}

/** The routes of one worker: the table in force, and the route of every request under way. */
export class RouteRuntime implements RequestRoutes {
  refused = false;
  changedLiteralOctets = 0;
  changedListOctets = 0;
  readonly mirrors: Mirrors;
  readonly #context: ProxyContext;
  readonly #workerCount: number;
  readonly #row: Float64Array;
  /** By the client's stream. */
  readonly #routes: (CompiledRoute | undefined)[];
  readonly #endpoints: (EndpointSet | undefined)[];
  readonly #policies = new RoutePolicies();
  readonly #hashes: RouteHashes;
  #table: RouteTable;
  #view: HeaderView;
  #hosts: HostCache;
  /** By CompiledRoute.index. */
  #targets: (RouteTargets | undefined)[] = [];
  #configured: Configured = NOTHING;
  /** By key: those in force. */
  readonly #groups = new Map<string, RouteGroupUpdate>();
  /** Header names from which on those of groups that are gone are looked for. */
  #mostNames = MOST_NAMES;

  /** @param slots streams there may be. */
  constructor(context: ProxyContext, place: WorkerPlace, slots: number, update: RouteUpdate) {
    const { workerIndex, workerCount } = place;
    this.#context = context;
    this.#workerCount = workerCount;
    this.#row = new RouteCounters(workerCount, update.counters).row(workerIndex);
    this.#routes = new Array<CompiledRoute | undefined>(slots);
    this.#endpoints = new Array<EndpointSet | undefined>(slots);
    this.mirrors = new Mirrors(context, slots, this.#row);
    this.#hashes = new RouteHashes(context.engine);
    [this.#table, this.#view, this.#hosts] = this.#compile(NOTHING);
    this.update(update);
  }

  update({ configuration, series = [], groups = [], gone = [] }: RouteUpdate): void {
    if (configuration !== undefined) {
      this.#configured = { configuration, series };
      this.#groups.clear();
      [this.#table, this.#view, this.#hosts] = this.#compile(this.#configured);
    }
    for (const key of gone) this.#remove(key);
    for (const group of groups) this.#add(group);
    if (this.#table.names.count > this.#mostNames) this.#compileAll();
    else this.#fit();
  }

  decide(
    slot: number,
    request: RequestNames,
    octets: number,
    ownCluster: number | undefined,
    source: string,
    choice?: RouteChoice,
  ): number {
    const { engine } = this.#context;
    this.refused = false;
    if (choice !== undefined) return this.#adopt(slot, choice);
    const hosts = this.#hosts;
    let clusterSlot = ownCluster ?? NO_ROUTE;
    if (ownCluster === undefined) clusterSlot = hosts.ofAuthority(request);
    else hosts.ofCluster(ownCluster);
    if (hosts.host === NO_HOST) return clusterSlot;
    const view = this.#view;
    view.begin(engine.scratch, octets);
    const route = firstRoute(this.#table.rules(hosts.host, hosts.listOf(request)), view);
    if (route === undefined) return clusterSlot;
    clusterSlot = this.#follow(slot, route, clusterSlot, source);
    const { mirror } = this.#targetsOf(route);
    if (mirror !== undefined && clusterSlot !== NO_ROUTE && !this.refused) this.mirrors.begin(slot, mirror);
    return clusterSlot;
  }

  choose(
    { authority, target, fields }: PlainRequest,
    ownCluster: number,
    source: string,
  ): RouteChoice | undefined {
    this.refused = false;
    const host = this.#hostOf(ownCluster, authority);
    if (host === NO_HOST) return undefined;
    const { slab, scratch } = this.#context.engine;
    let end = scratch;
    for (let i = 0; i < fields.length; i += 2) {
      const record = literalRecord(fields[i]!, fields[i + 1]!);
      slab.bytes.set(record, end);
      end += record.length;
    }
    this.#view.begin(scratch, end - scratch);
    const path = Buffer.from(target, "latin1");
    const list = this.#table.path(host, path, 0, path.length);
    const route = firstRoute(this.#table.rules(host, list), this.#view);
    if (route === undefined) return undefined;
    const clusterSlot = this.#follow(NO_STREAM, route, ownCluster, source);
    const endpoints = this.#endpoints[NO_STREAM];
    this.#endpoints[NO_STREAM] = undefined;
    return { route, clusterSlot, endpoints, refused: this.refused };
  }

  speaksOf(clusterSlot: number, authority: string): boolean {
    return this.#hostOf(clusterSlot, authority) !== NO_HOST;
  }

  #hostOf(clusterSlot: number, authority: string): number {
    if (clusterSlot !== NO_ROUTE) {
      this.#hosts.ofCluster(clusterSlot);
      return this.#hosts.host;
    }
    const octets = Buffer.from(authority.toLowerCase(), "latin1");
    return this.#table.host(octets, 0, octets.length);
  }

  /** A request that was decided as HTTP/1.1 goes on as HTTP/2. */
  #adopt(slot: number, { route, clusterSlot, endpoints, refused }: RouteChoice): number {
    this.#routes[slot] = route;
    this.#endpoints[slot] = endpoints;
    this.refused = refused;
    // Other routes may be in force by now; then there is no copy.
    const isInForce = this.#table.routes[route.index] === route;
    const mirror = isInForce ? this.#targetsOf(route).mirror : undefined;
    if (mirror !== undefined && clusterSlot !== NO_ROUTE && !refused) this.mirrors.begin(slot, mirror);
    return clusterSlot;
  }

  /** Notes the route of a request, and counts it. @returns the slot of the cluster it leads to, or NO_ROUTE. */
  #follow(slot: number, route: CompiledRoute, ownCluster: number, source: string): number {
    this.#routes[slot] = route;
    const targets = this.#targetsOf(route);
    let clusterSlot = ownCluster;
    let side = 0;
    if (targets.slots.length > 0) {
      if (route.split !== undefined) side = this.#side(route, source);
      clusterSlot = targets.slots[side]!;
    }
    const series = targets.series[side]!;
    this.#count(series, RouteCell.requests);
    if (clusterSlot === NO_ROUTE) return NO_ROUTE;
    if (route.headerLabels !== undefined) this.#restrict(slot, route, targets, clusterSlot, series);
    return clusterSlot;
  }

  changeRequest(slot: number, octets: number): number {
    const change = this.#routes[slot]?.requestChange;
    if (change === undefined) {
      this.changedLiteralOctets = 0;
      this.changedListOctets = 0;
      return octets;
    }
    const { slab, pool, scratch } = this.#context.engine;
    const length = change.apply(slab.bytes, pool, scratch, octets);
    this.changedLiteralOctets = change.literalOctets;
    this.changedListOctets = change.listOctets;
    return length;
  }

  changeResponse(slot: number, octets: number, offset: number = this.#context.engine.scratch): number {
    const change = this.#routes[slot]?.responseChange;
    if (change === undefined) return octets;
    const { slab, pool } = this.#context.engine;
    return change.apply(slab.bytes, pool, offset, octets);
  }

  responseGrowth(slot: number): number {
    return this.#routes[slot]?.responseChange?.addedListOctets ?? 0;
  }

  endpointsOf(slot: number): EndpointSet | undefined {
    return this.#endpoints[slot];
  }

  attemptPolicyOf(slot: number, cluster: ClusterRuntime): AttemptPolicy | undefined {
    const route = this.#routes[slot];
    return route?.policy === undefined ? cluster.policy : this.#policies.of(route, cluster);
  }

  hashOf(slot: number, cluster: ClusterRuntime): RequestHash | undefined {
    const route = this.#routes[slot];
    return route?.route.hash === undefined ? cluster.hash : this.#hashes.of(route, cluster);
  }

  nameOf(slot: number): string {
    return this.#routes[slot]?.route.name ?? "";
  }

  sweep(nowMs: number): void {
    this.mirrors.sweep(nowMs);
  }

  closed(slot: number): void {
    this.mirrors.originalClosed(slot);
    this.#routes[slot] = undefined;
    this.#endpoints[slot] = undefined;
  }

  #side(route: CompiledRoute, source: string): number {
    const split = route.split!;
    const hash = route.sticky === undefined ? NO_HASH : route.sticky.hash(this.#view, source);
    return hash === NO_HASH ? split.draw(this.#context.random) : split.stick(hash);
  }

  #restrict(
    slot: number,
    route: CompiledRoute,
    targets: RouteTargets,
    clusterSlot: number,
    series: number,
  ): void {
    const { clusters, exchanges } = this.#context;
    const cluster = clusters[clusterSlot];
    if (cluster === undefined) return;
    let index = targets.labels[clusterSlot];
    if (index === undefined || index.cluster !== cluster) {
      index = new LabelIndex(cluster, exchanges.links, route);
      targets.labels[clusterSlot] = index;
    }
    const endpoints = index.find(this.#view);
    this.#endpoints[slot] = endpoints;
    if (endpoints !== undefined) return;
    this.refused = route.route.endpoints!.fallback === "fail";
    this.#count(series, this.refused ? RouteCell.refused : RouteCell.fallbacks);
  }

  #compile({ configuration, series }: Configured): [RouteTable, HeaderView, HostCache] {
    const { slab, pool } = this.#context.engine;
    const table = new RouteTable(configuration, slab.bytes, pool);
    this.#targets = configuration.routes.map((route, i) => this.#targetsFor(route, series[i]!));
    return [table, this.#viewOf(table), new HostCache(this.#context, table)];
  }

  #viewOf({ names }: RouteTable): HeaderView {
    const { slab, pool, scratch, scratchOctets } = this.#context.engine;
    return new HeaderView(slab.bytes, pool, names, scratch + scratchOctets * BLOCK_SHARE);
  }

  #add(group: RouteGroupUpdate): void {
    this.#remove(group.key);
    this.#groups.set(group.key, group);
    for (const [i, { index, route }] of this.#table.setGroup(group).entries())
      this.#targets[index] = this.#targetsFor(route, group.series[i]!);
  }

  #remove(key: string): void {
    this.#table.deleteGroup(key);
    this.#groups.delete(key);
  }

  /** Header names are never taken back: when many have come and gone, all is made anew. */
  #compileAll(): void {
    [this.#table, this.#view, this.#hosts] = this.#compile(this.#configured);
    for (const group of [...this.#groups.values()]) this.#add(group);
    this.#mostNames = Math.max(MOST_NAMES, this.#table.names.count * 2);
    this.#fit();
  }

  /** After groups have come or gone. */
  #fit(): void {
    this.#hosts.forget();
    if (this.#view.headers !== this.#table.names.count) this.#view = this.#viewOf(this.#table);
  }

  #targetsFor(route: Route, series: readonly number[]): RouteTargets {
    const { mirror, clusters } = route;
    return {
      slots: new Int32Array(clusters.length).fill(NO_ROUTE),
      series,
      version: 0,
      labels: [],
      mirrorBudget:
        mirror === null ? undefined : new MirrorBudget(mirror, this.#workerCount, this.#context.time.nowMs),
      mirror: undefined,
    };
  }

  /** @returns where requests of a route in force go. The clusters are looked up by name when any has come or gone since. */
  #targetsOf({ index, route }: CompiledRoute): RouteTargets {
    const { authorities } = this.#context;
    const targets = this.#targets[index]!;
    if (targets.version === authorities.version) return targets;
    targets.version = authorities.version;
    const { clusters, mirror } = route;
    for (let side = 0; side < clusters.length; side++)
      targets.slots[side] = authorities.find(clusters[side]!.name);
    const budget = targets.mirrorBudget;
    if (mirror === null || budget === undefined) return targets;
    const clusterSlot = authorities.find(mirror.cluster);
    targets.mirror = { policy: mirror, budget, clusterSlot, series: targets.series[0]! };
    return targets;
  }

  #count(series: number, cell: number): void {
    this.#row[routeColumn(series, cell)]!++;
  }
}
