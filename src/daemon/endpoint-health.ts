import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import type { HealthMonitor } from "../health/health-monitor.ts";
import type { Place } from "../lb/place.ts";
import type { subsetOf } from "../lb/subset/subset-of.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { Log } from "../telemetry/log.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";
import type { ProxyCounters } from "./proxy-counters.ts";
import type { MainToWorker } from "./worker-messages.ts";

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

/** Loads the health monitor when the first cluster needs it, and tells it what it has missed. */
export class EndpointHealth {
  readonly #options: EndpointHealthOptions;
  #monitor: HealthMonitor | undefined;
  #loading = false;
  #closed = false;
  #fleet: Fleet | undefined;
  #subsetOf: typeof subsetOf = () => undefined;

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
    this.#monitor?.remove(clusterName);
  }

  /** Takes the fleet: with subsets, only those of its own are looked after. */
  setFleet(fleet: Fleet | undefined): void {
    this.#fleet = fleet;
    if (this.#monitor === undefined) return;
    for (const published of this.#options.clusters())
      if (published.cluster.settings.loadBalancing.subset.enabled) this.#watch(this.#monitor, published);
  }

  /** Takes what the workers are told about TLS identities. */
  tlsChanged(message: MainToWorker): void {
    if (message.kind === "tls-identity") this.#monitor?.setTlsIdentity(message.identity);
    else if (message.kind === "tls-identity-removed") this.#monitor?.removeTlsIdentity(message.number);
  }

  close(): void {
    this.#closed = true;
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

  #watch(monitor: HealthMonitor, { snapshot, counters }: PublishedCluster): void {
    monitor.set(snapshot, counters, this.#subsetOf(snapshot, this.#options.place, this.#fleet));
  }
}
