import { literalRecord } from "../../h2/hpack/write-field.ts";
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
import type { RouteUpdate } from "./route-update.ts";

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
  /** By cluster slot. */
  readonly labels: (LabelIndex | undefined)[];
  readonly mirrorBudget: MirrorBudget | undefined;
  mirror: MirrorStart | undefined;
}

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
  #targets: RouteTargets[] = [];
  #targetsVersion = 0;

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
    [this.#table, this.#view, this.#hosts] = this.#compile(update);
  }

  update(update: RouteUpdate): void {
    [this.#table, this.#view, this.#hosts] = this.#compile(update);
  }

  decide(
    slot: number,
    request: RequestNames,
    octets: number,
    ownCluster: number | undefined,
    source: string,
    choice?: RouteChoice,
  ): number {
    const { authorities, engine } = this.#context;
    this.refused = false;
    if (choice !== undefined) return this.#adopt(slot, choice);
    if (this.#targetsVersion !== authorities.version) this.#findTargets();
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
    const { mirror } = this.#targets[route.index]!;
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
    const { authorities } = this.#context;
    if (this.#targetsVersion !== authorities.version) this.#findTargets();
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
    const mirror = isInForce ? this.#targets[route.index]!.mirror : undefined;
    if (mirror !== undefined && clusterSlot !== NO_ROUTE && !refused) this.mirrors.begin(slot, mirror);
    return clusterSlot;
  }

  /** Notes the route of a request, and counts it. @returns the slot of the cluster it leads to, or NO_ROUTE. */
  #follow(slot: number, route: CompiledRoute, ownCluster: number, source: string): number {
    this.#routes[slot] = route;
    const targets = this.#targets[route.index]!;
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

  #compile({ configuration, series }: RouteUpdate): [RouteTable, HeaderView, HostCache] {
    const { engine, time } = this.#context;
    const { slab, pool, scratch, scratchOctets } = engine;
    const table = new RouteTable(configuration, slab.bytes, pool);
    this.#targets = table.routes.map(({ route }, i) => ({
      slots: new Int32Array(route.clusters.length).fill(NO_ROUTE),
      series: series[i]!,
      labels: [],
      mirrorBudget:
        route.mirror === null ? undefined : new MirrorBudget(route.mirror, this.#workerCount, time.nowMs),
      mirror: undefined,
    }));
    this.#targetsVersion = 0;
    const view = new HeaderView(slab.bytes, pool, table.names, scratch + scratchOctets * BLOCK_SHARE);
    return [table, view, new HostCache(this.#context, table)];
  }

  /** Looks up the clusters by name: clusters have come or gone. */
  #findTargets(): void {
    const { authorities } = this.#context;
    this.#targetsVersion = authorities.version;
    for (const [i, { route }] of this.#table.routes.entries()) {
      const targets = this.#targets[i]!;
      for (const [side, { name }] of route.clusters.entries()) targets.slots[side] = authorities.find(name);
      const budget = targets.mirrorBudget;
      if (route.mirror === null || budget === undefined) continue;
      const clusterSlot = authorities.find(route.mirror.cluster);
      targets.mirror = { policy: route.mirror, budget, clusterSlot, series: targets.series[0]! };
    }
  }

  #count(series: number, cell: number): void {
    this.#row[routeColumn(series, cell)]!++;
  }
}
