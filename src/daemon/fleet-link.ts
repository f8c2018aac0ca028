import { monotonicClock } from "../base/clock.ts";
import type { Fleet } from "../resource/fleet.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { Log } from "../telemetry/log.ts";
import { VERSION } from "../telemetry/version.ts";
import type { CountedCluster } from "../xds/client/load-reader.ts";
import { LoadReader } from "../xds/client/load-reader.ts";
import { LoadReportClient } from "../xds/client/load-report-client.ts";
import type { FleetViewSink } from "../xds/client/own-views.ts";
import type { XdsClient } from "../xds/client/xds-client.ts";
import type { CallerView } from "../xds/resources/caller-view.ts";
import type { CaptureView } from "../xds/resources/capture-view.ts";
import type { NodeView } from "../xds/resources/node-view.ts";
import type { ServiceView } from "../xds/resources/service-view.ts";
import type { ClusterPublisher, PublishedCluster } from "./cluster-publisher.ts";
import { FleetShares } from "./fleet-shares.ts";
import type { OwnPlace } from "./own-place.ts";
import { PeerReports } from "./peer-reports.ts";

/** What a {@link FleetLink} works with. */
export interface FleetLinkOptions {
  readonly place: OwnPlace;
  readonly publisher: ClusterPublisher;
  readonly log: Log;
  /** Told of the pods of this node; default: they are not asked for. See {@link FleetViewSink}. */
  readonly onCallers?: ((view: CallerView) => void) | undefined;
  /** Told which services are captured; default: it is not asked for. */
  readonly onCapture?: ((view: CaptureView) => void) | undefined;
}

/** What was reported so shortly before is not in what comes back. */
const ON_THE_WAY_MS = 20;

/**
 * This proxy among the others: reports what its requests come to at each endpoint, and takes from the control plane its place in the fleet, what the others have
 * in flight, and its share of each service's traffic. Without such a control plane nothing of it happens, and all endpoints are used.
 */
export class FleetLink implements FleetViewSink {
  readonly #options: FleetLinkOptions;
  readonly #reader: LoadReader;
  readonly #peers: PeerReports;
  readonly #shares: FleetShares;
  /** What was said last of each service, and what of it are other callers' streams. */
  readonly #seen = new Map<string, { readonly view: ServiceView; readonly others: number }>();
  #client: LoadReportClient | undefined;
  readonly callers: ((view: CallerView) => void) | undefined;
  readonly capture: ((view: CaptureView) => void) | undefined;

  constructor(options: FleetLinkOptions) {
    const { publisher } = options;
    const find = (cluster: string): PublishedCluster | undefined => publisher.find(cluster);
    const counters = publisher.endpointCounters;
    const nowMs = (): number => monotonicClock.nowMs();
    this.#options = options;
    this.#reader = new LoadReader((cluster) => countedOf(find(cluster)), counters, nowMs);
    this.#peers = new PeerReports(find, counters, nowMs);
    this.#shares = new FleetShares(options.place);
    this.callers = options.onCallers;
    this.capture = options.onCapture;
  }

  /** Begins to report. */
  report(client: XdsClient): void {
    const { place, log } = this.#options;
    this.#client = new LoadReportClient({
      node: { id: place.node, zone: place.zone, region: place.region, userAgentVersion: VERSION },
      open: (owner) => client.openReports(owner),
      wanted: () => client.reportedClusters,
      read: (clusters) => this.#reader.read(clusters),
      onEnd: (reason) => {
        this.#reader.forget();
        log.debug("load is not reported", { reason });
      },
    });
  }

  close(): void {
    this.#client?.close();
  }

  /** Told when what {@link kept} gives is something else. */
  onKept: () => void = () => undefined;

  /** See FleetShares. */
  kept(): Record<string, number> {
    return this.#shares.kept();
  }

  restore(shares: Readonly<Record<string, number>>): void {
    for (const [service, share] of Object.entries(shares)) {
      this.#shares.restore(service, share, monotonicClock.nowMs());
      this.#publish(service);
    }
  }

  /** Whether load is being reported. */
  get isReporting(): boolean {
    return this.#client?.isReporting === true;
  }

  /** This proxy's place in the fleet; undefined while it has none. */
  get place(): NodeView | undefined {
    return this.#shares.node;
  }

  /** For people. */
  get status(): object {
    const services = [...this.#seen].map(([name, { view, others }]) => [
      name,
      {
        callers: view.reporters,
        requestsPerSecond: view.requestsPerSecond,
        othersInFlight: others,
        ...withoutLists(this.#shares.fleetOf(name)),
      },
    ]);
    return {
      reporting: this.isReporting,
      place: this.place === undefined ? null : placeOf(this.place),
      services: Object.fromEntries(services),
    };
  }

  node(view: NodeView | undefined): void {
    const { log, place, publisher } = this.#options;
    this.#shares.node = view;
    if (view !== undefined && place.learn(view)) {
      log.info("runs where the control plane knows its node to be", {
        zone: place.zone,
        region: place.region,
      });
      publisher.placeChanged();
    }
    if (view !== undefined) log.debug("this proxy's place in the fleet", placeOf(view));
    for (const service of this.#shares.services) this.#publish(service);
    this.onKept();
  }

  service(view: ServiceView): void {
    const { name, streams, ageMs } = view;
    const nowMs = monotonicClock.nowMs();
    const sent = this.#reader.sentOf(name, nowMs - ON_THE_WAY_MS);
    const others = this.#peers.take(name, streams, sent, ageMs);
    const published = this.#options.publisher.find(name);
    if (published === undefined || others === undefined) return;
    this.#seen.set(name, { view, others });
    const { subset } = published.cluster.settings.loadBalancing;
    const own = this.#reader.rateOf(name);
    if (!this.#shares.take(view, own, subset.coverage, nowMs) || !subset.enabled) return;
    this.#publish(name);
    this.onKept();
  }

  /** The cluster is not used here any more. */
  removed(cluster: string): void {
    this.#shares.forget(cluster);
    this.#seen.delete(cluster);
    this.#options.publisher.setFleet(undefined, cluster);
  }

  #publish(service: string): void {
    this.#options.publisher.setFleet(this.#shares.fleetOf(service), service);
  }
}

function countedOf(published: PublishedCluster | undefined): CountedCluster | undefined {
  if (published === undefined) return undefined;
  const { snapshot, counters } = published;
  const attempts = counters.sum(ClusterColumn.attempts) + counters.sum(ClusterColumn.splicedConnectionsTotal);
  return { snapshot, attempts };
}

/** What people want to know of it: not a number for each proxy. */
function placeOf({ members: _all, zoneMembers: _zone, ...place }: NodeView): Record<string, unknown> {
  return place;
}

function withoutLists(fleet: Fleet | undefined): object {
  const { members: _all, zoneMembers: _zone, ...rest } = fleet ?? ({} as Partial<Fleet>);
  return rest;
}
