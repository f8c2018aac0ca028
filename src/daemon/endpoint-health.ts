import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import type { HealthMonitor } from "../health/health-monitor.ts";
import type { Place } from "../lb/place.ts";
import type { subsetOf } from "../lb/subset/subset-of.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { Log } from "../telemetry/log.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";
import type { ProxyCounters } from "./proxy-counters.ts";
import type { MainToWorker } from "./worker-messages.ts";

/** How often it is looked whether slices have grown or shrunk: as often as workers look. */
const LOOK_MS = 250;

/** What {@link EndpointHealth} works with. */
export interface EndpointHealthOptions {
  readonly counters: ProxyCounters;
  /** All clusters in force. */
  readonly clusters: () => Iterable<PublishedCluster>;
  /** What tells of the TLS identities in use. */
  readonly tlsMessages: () => Iterable<MainToWorker>;
  /** Where this proxy runs. */
  readonly place: Place;
  readonly log: Log;
}

/**
 * Loads the health monitor when the first cluster needs it, and tells it what it has missed; and which endpoints this proxy uses, which
 * with subsets changes with their health.
 */
export class EndpointHealth {
  readonly #options: EndpointHealthOptions;
  #monitor: HealthMonitor | undefined;
  #loading = false;
  #closed = false;
  /** As the file has it, and for single clusters as a control plane knows it. */
  #fleet: Fleet | undefined;
  readonly #fleets = new Map<string, Fleet>();
  #subsetOf: typeof subsetOf = () => undefined;
  /** What the monitor was told that is used, of clusters with subsets: by name, an octet for each endpoint. */
  readonly #used = new Map<string, Uint8Array>();
  #setAsideVersion = 0;
  #looks: NodeJS.Timeout | undefined;

  constructor(options: EndpointHealthOptions) {
    this.#options = options;
  }

  /** Takes a cluster that the workers have just been sent. */
  published(published: PublishedCluster): void {
    if (this.#monitor !== undefined) {
      this.#watch(this.#monitor, published);
      return;
    }
    const { outlierDetection, healthCheck } = published.cluster.settings;
    if (this.#loading || (outlierDetection === null && healthCheck === null)) return;
    this.#loading = true;
    void this.#load();
  }

  removed(clusterName: string): void {
    this.#fleets.delete(clusterName);
    this.#used.delete(clusterName);
    this.#monitor?.remove(clusterName);
  }

  /** Takes the fleet: with subsets, only those of its own are looked after. @param only of this cluster. */
  setFleet(fleet: Fleet | undefined, only?: string): void {
    if (only === undefined) this.#fleet = fleet;
    else if (fleet === undefined) this.#fleets.delete(only);
    else this.#fleets.set(only, fleet);
    if (this.#monitor === undefined) return;
    for (const published of this.#options.clusters()) {
      const { name, settings } = published.cluster;
      if (only !== undefined && name !== only) continue;
      if (settings.loadBalancing.subset.enabled) this.#watch(this.#monitor, published);
    }
  }

  /** Takes what the workers are told about TLS identities. */
  tlsChanged(message: MainToWorker): void {
    if (message.kind === "tls-identity") this.#monitor?.setTlsIdentity(message.identity);
    else if (message.kind === "tls-identity-removed") this.#monitor?.removeTlsIdentity(message.number);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#looks);
    this.#monitor?.close();
  }

  async #load(): Promise<void> {
    const { HealthMonitor } = await import("../health/health-monitor.ts");
    this.#subsetOf = (await import("../lb/subset/subset-of.ts")).subsetOf;
    if (this.#closed) return;
    const { counters, clusters, tlsMessages, log } = this.#options;
    this.#monitor = new HealthMonitor({
      endpoints: counters.endpoints,
      outcomes: counters.outcomes,
      random: new SeededRandom(process.pid ^ Math.trunc(performance.timeOrigin)),
      nowMs: () => monotonicClock.nowMs(),
      log,
    });
    for (const message of tlsMessages()) this.tlsChanged(message);
    for (const published of clusters()) this.#watch(this.#monitor, published);
  }

  #watch(monitor: HealthMonitor, published: PublishedCluster): void {
    const { snapshot, counters } = published;
    const used = this.#usedOf(published);
    if (used === undefined) {
      this.#used.delete(snapshot.name);
      monitor.set(snapshot, counters);
    } else {
      this.#used.set(snapshot.name, used);
      monitor.set(snapshot, counters, (index) => used[index] === 1);
    }
    if (this.#used.size > 0 === (this.#looks !== undefined)) return;
    clearInterval(this.#looks);
    this.#looks = this.#used.size > 0 ? setInterval(() => this.#look(monitor), LOOK_MS) : undefined;
  }

  /** @returns an octet for each endpoint of the snapshot, 1 where this proxy may send to it; undefined: it may send to all. */
  #usedOf({ snapshot, subset }: PublishedCluster): Uint8Array | undefined {
    const { counters, place } = this.#options;
    const isFit = (index: number): boolean =>
      snapshot.healthAt(index) === HEALTH_CODE.healthy &&
      counters.endpoints.asideReasons(snapshot.slotAt(index)) === 0;
    const fleet = this.#fleet ?? this.#fleets.get(snapshot.name);
    const isUsed = this.#subsetOf(snapshot, place, fleet, isFit, subset);
    return isUsed && Uint8Array.from({ length: snapshot.count }, (_, index) => (isUsed(index) ? 1 : 0));
  }

  /** A slice that is mostly sick has grown, or one that was is itself again: who is asked follows. */
  #look(monitor: HealthMonitor): void {
    const { setAsideVersion } = this.#options.counters.endpoints;
    if (setAsideVersion === this.#setAsideVersion) return;
    this.#setAsideVersion = setAsideVersion;
    for (const published of this.#options.clusters()) {
      const before = this.#used.get(published.snapshot.name);
      if (before === undefined) continue;
      const now = this.#usedOf(published);
      const isSame = now?.length === before.length && now.every((used, index) => used === before[index]);
      if (!isSame) this.#watch(monitor, published);
    }
  }
}
