import type { ChangeCause, ServiceModel } from "../resource/service.ts";
import type { ServiceSink } from "../resource/service-source.ts";
import type { OtherSource } from "../xds/cache/joined-source.ts";
import { JoinedSource } from "../xds/cache/joined-source.ts";
import type { ResourceCache } from "../xds/cache/resource-cache.ts";
import type { ResourceSource } from "../xds/cache/resource-source.ts";
import { EndpointTotals } from "../xds/load/endpoint-totals.ts";
import type { FleetMember } from "../xds/load/fleet-roster.ts";
import { FleetRoster } from "../xds/load/fleet-roster.ts";
import type { PlaceLoad } from "../xds/load/load-book.ts";
import { LoadBook } from "../xds/load/load-book.ts";
import { LoadReportCounts } from "../xds/load/load-stream.ts";
import { LoadViews } from "../xds/load/load-views.ts";
import { loadSumsOf } from "../xds/load/replica-sums.ts";
import { serveLoadReports } from "../xds/load/serve-load-reports.ts";
import { TrafficBook } from "../xds/load/traffic-book.ts";
import { ZoneShares } from "../xds/load/zone-shares.ts";
import { placeOf } from "../xds/resources/plan-localities.ts";
import type { ReplicaLoads } from "../xds/resources/replica-loads.ts";
import type { OwnTypeUrl } from "../xds/resources/type-url.ts";
import { OWN_TYPE_URL } from "../xds/resources/type-url.ts";
import type { Refusal } from "../xds/server/admission.ts";
import type { AdsServer } from "../xds/server/ads-server.ts";

/** Reports and views go in this rhythm: fresh enough for tiers to be compared by them, and seldom enough with many clients. */
const INTERVAL_MS = 1_000;
const INTERVAL_OF_MANY_MS = 2_000;
const MANY_STREAMS = 250;
/** A caller that has not reported for so many intervals has nothing in flight as far as we know. */
const SILENT_INTERVALS = 4;
/** A proxy that restarts keeps its place in the fleet. */
const GRACE_MS = 30_000;

/** What callers have said of a service, for people. */
export interface ShownLoad {
  readonly service: string;
  readonly callers: number;
  readonly requestsPerSecond: number;
  /** Endpoints with something in flight, of those that callers name. */
  readonly endpointsInUse: number;
  readonly places: readonly (Readonly<PlaceLoad> & {
    /** What gRPC clients are told to leave there of what arrives, 0 to 1. */
    readonly kept: number;
  })[];
}

/** What {@link FleetLoads} work with. */
export interface FleetLoadsOptions {
  readonly cache: ResourceCache;
  /** The Service whose endpoints are the proxies, `name.namespace`; undefined: the proxies are those that have a stream here. */
  readonly fleetService: string | undefined;
  /** Where further resources of our own come from; default: there are none. */
  readonly others?: ReadonlyMap<OwnTypeUrl, OtherSource> | undefined;
  readonly onFault: (peer: string, error: unknown) => void;
  /** Who this replica is among others that are to know what its clients report; default: there are none. */
  readonly replica?: string | undefined;
  /** Whether what people look at is kept. Default: not. */
  readonly keepsTraffic?: boolean | undefined;
  /** Somebody reports who may not. */
  readonly onRefused: (peer: string, refusal: Refusal) => void;
}

/**
 * What a control plane knows of its clients as a whole: which proxies there are, what all callers have in flight, and which services were taken away on
 * purpose. It takes reports of load, and serves what they come to as resources of our own.
 */
export class FleetLoads {
  readonly roster = new FleetRoster(GRACE_MS);
  /** What all callers report, those of other replicas too as far as they are known. */
  readonly book: LoadBook;
  /** What this replica's own clients report. */
  readonly own: LoadBook;
  /** Other replicas whose clients' reports are known. */
  readonly replicas: Set<number> = new Set<number>();
  readonly counts = new LoadReportCounts();
  /** What this replica's own clients have reported of single endpoints, since each was first named. */
  readonly totals = new EndpointTotals();
  /** What this replica's own clients report, for people; undefined where nobody can look at it. */
  readonly traffic: TrafficBook | undefined;
  /** Everything that is served. */
  readonly source: ResourceSource;
  readonly #options: FleetLoadsOptions;
  readonly zoneShares: ZoneShares;
  readonly #views: LoadViews;
  /** Endpoints of the Service of the proxies, by the name of one of its ports. */
  readonly #proxies = new Map<string, ServiceModel>();
  #server: AdsServer | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FleetLoadsOptions) {
    this.#options = options;
    const nowMs = (): number => performance.now();
    const isKnown = (service: string): boolean => options.cache.has(service);
    this.book = new LoadBook(isKnown);
    const { replica } = options;
    this.own = replica === undefined ? this.book : new LoadBook(isKnown);
    if (options.keepsTraffic === true)
      this.traffic = new TrafficBook((service) => options.cache.cluster(service)?.endpoints.length);
    this.zoneShares = new ZoneShares({
      cluster: (service) => options.cache.cluster(service),
      onChange: (service, kept) => options.cache.keep(service, kept),
    });
    this.#views = new LoadViews({
      roster: this.roster,
      book: this.book,
      audience: (service) => this.#server?.audience(OWN_TYPE_URL.serviceView, service) ?? 0,
      nowMs,
      replica: replica === undefined ? undefined : { id: replica, book: this.own },
    });
    this.source = new JoinedSource(
      options.cache,
      new Map<OwnTypeUrl, OtherSource>([
        [OWN_TYPE_URL.nodeView, this.#views],
        [OWN_TYPE_URL.serviceView, this.#views],
        [OWN_TYPE_URL.replicaLoads, this.#views],
        ...(options.others ?? []),
      ]),
    );
  }

  /** @param service undefined: of all. @returns what callers have said, busiest services first. */
  shown(service: string | undefined): readonly ShownLoad[] {
    const names = service === undefined ? [...this.book.services] : [service];
    const shown = names.flatMap((name): ShownLoad[] => {
      const load = this.book.of(name);
      if (load === undefined) return [];
      const { reporters, requestsPerSecond, streams, places } = load;
      const kept = this.zoneShares.of(name);
      return [
        {
          service: name,
          callers: reporters,
          requestsPerSecond,
          endpointsInUse: streams.size,
          places: [...places].map((place) => {
            return { ...place, kept: kept?.get(placeOf(place.region, place.zone)) ?? 1 };
          }),
        },
      ];
    });
    return shown.sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
  }

  /** How often reports are wanted and views are made. */
  get intervalMs(): number {
    let streams = 0;
    for (const _ of this.#server?.streams ?? []) streams++;
    return streams > MANY_STREAMS ? INTERVAL_OF_MANY_MS : INTERVAL_MS;
  }

  /** @returns a sink that hears of services before this one does. */
  sink(next: ServiceSink): ServiceSink {
    return {
      upsert: (service) => {
        if (this.#isFleet(service.name)) this.#proxies.set(service.name, service);
        this.#views.added(service);
        this.totals.keep(service.name, service.cluster.endpoints);
        next.upsert(service);
      },
      remove: (name: string, cause?: ChangeCause) => {
        this.#proxies.delete(name);
        this.totals.remove(name);
        this.traffic?.remove(name);
        // A client that hears of the removal has heard by then whether it is meant.
        this.#views.removed(name, cause !== undefined);
        next.remove(name, cause);
      },
      synced: () => next.synced(),
    };
  }

  /** Takes reports where resources are served. Before the server listens. */
  serve(server: AdsServer): void {
    this.#server = server;
    serveLoadReports(server, {
      book: this.#taker,
      counts: this.counts,
      traffic: this.traffic,
      placeOf: (nodeId) => this.roster.find(nodeId),
      intervalMs: () => this.intervalMs,
      nowMs: () => performance.now(),
      onFault: this.#options.onFault,
      onRefused: this.#options.onRefused,
    });
    this.#arm();
  }

  /** Another replica tells what its clients report. @param peer below 0. @param loads undefined: it does not any more. */
  takePeer(peer: number, loads: ReplicaLoads | undefined): void {
    if (loads === undefined) {
      this.replicas.delete(peer);
      this.book.forget(peer);
      return;
    }
    this.replicas.add(peer);
    this.book.reportSums(peer, loadSumsOf(loads), performance.now());
  }

  /** Our own clients' reports count among all, and among those that other replicas are told of. */
  get #taker(): Pick<LoadBook, "report" | "forget"> {
    const { book, own, totals } = this;
    const { cache } = this.#options;
    return {
      report: (reporter, clusters, nowMs) => {
        for (const load of clusters) {
          const cluster = cache.cluster(load.name);
          if (cluster !== undefined) totals.add(load, cluster.endpoints.length);
        }
        if (own !== book) own.report(reporter, clusters, nowMs);
        return book.report(reporter, clusters, nowMs);
      },
      forget: (reporter) => {
        if (own !== book) own.forget(reporter);
        book.forget(reporter);
      },
    };
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #arm(): void {
    const { intervalMs } = this;
    this.#timer = setTimeout(() => {
      const silentMs = performance.now() - SILENT_INTERVALS * intervalMs;
      for (const book of new Set([this.book, this.own])) book.forgetBefore(silentMs);
      this.#views.tick(this.#members());
      this.#weighZones(performance.now());
      this.#arm();
    }, intervalMs);
    this.#timer.unref();
  }

  #weighZones(nowMs: number): void {
    for (const service of this.book.services) {
      const load = this.book.of(service);
      if (load !== undefined) this.zoneShares.observe(service, load, nowMs);
    }
    this.zoneShares.forgetSilent(nowMs);
  }

  #isFleet(name: string): boolean {
    const { fleetService } = this.#options;
    return fleetService !== undefined && name.startsWith(`${fleetService}:`);
  }

  /** Endpoints of the Service of the proxies are the same for every replica; streams are only ours. */
  *#members(): Iterable<FleetMember> {
    if (this.#proxies.size > 0) {
      // Another cluster's proxies have another fleet.
      for (const { cluster } of this.#proxies.values())
        for (const { node, region, zone, priority } of cluster.endpoints)
          if (node !== "" && priority === 0) yield { nodeId: node, region, zone };
      return;
    }
    for (const stream of this.#server?.streams ?? []) {
      const { nodeId } = stream;
      if (nodeId !== "" && stream.asksFor(OWN_TYPE_URL.nodeView, nodeId)) yield { nodeId, ...stream.place };
    }
  }
}
