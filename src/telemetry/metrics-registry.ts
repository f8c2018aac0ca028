import type { Clock } from "../base/clock.ts";
import { monotonicClock } from "../base/clock.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { CaptureCounts } from "./capture-metrics.ts";
import { CaptureMetrics } from "./capture-metrics.ts";
import type { OwnCertificate } from "./certificate-metrics.ts";
import { CertificateMetrics } from "./certificate-metrics.ts";
import type { ClusterCounters } from "./cluster-counters.ts";
import { ClusterMetrics } from "./cluster-metrics.ts";
import { ConfigMetrics } from "./config-metrics.ts";
import type { EndpointCounters } from "./endpoint-counters.ts";
import { Exposition } from "./exposition.ts";
import { GuardMetrics } from "./guard-metrics.ts";
import { METRIC } from "./metric-catalog.ts";
import type { OverloadState } from "./overload-state.ts";
import { PortMetrics } from "./port-metrics.ts";
import type { MemoryUsage } from "./process-metrics.ts";
import { ProcessMetrics } from "./process-metrics.ts";
import type { RouteCounters } from "./route-counters.ts";
import type { RouteSeries } from "./route-metrics.ts";
import { RouteMetrics } from "./route-metrics.ts";
import { ScrapePace } from "./scrape-pace.ts";
import { SeriesAllocator } from "./series-allocator.ts";
import { SeriesBudget } from "./series-budget.ts";
import type { SourceNames } from "./source-names.ts";
import { SourceWaits } from "./source-waits.ts";
import type { ThreadRestarts } from "./thread-restarts.ts";
import type { WorkerCounters } from "./worker-counters.ts";
import { WrittenSeries } from "./written-series.ts";
import type { XdsClientCounts } from "./xds-client-metrics.ts";
import { XdsClientMetrics } from "./xds-client-metrics.ts";

/** Series a process exposes per service, counted in lines of the exposition, unless told otherwise. */
export const DEFAULT_MAX_SERIES = 20_000;

/** The same in octets, about: what is said of the process itself fits below 2 MB beside it. */
const MAX_SERIES_OCTETS = 1_900_000;

/** Traced calls that a collector has taken, and that were dropped. */
export interface TracedCalls {
  readonly sent: number;
  readonly dropped: number;
}

/** What a {@link MetricsRegistry} needs to know before it exists. */
export interface MetricsRegistryOptions {
  /** Of this build. */
  readonly version: string;
  readonly workerCounters: WorkerCounters;
  readonly endpointCounters: EndpointCounters;
  readonly threadRestarts: ThreadRestarts;
  readonly overload: OverloadState;
  /** Names of callers' namespaces; default: no caller is known. */
  readonly sources?: SourceNames;
  /** Default {@link DEFAULT_MAX_SERIES}. */
  readonly maxSeries?: number;
  /** For slicing. Default: the process's. */
  readonly clock?: Clock;
  /** Milliseconds since 1970. Default: the system's. */
  readonly wallNowMs?: () => number;
  /** Default: the process's. */
  readonly memoryUsage?: () => MemoryUsage;
}

/**
 * All metrics of the process as Prometheus text. Nothing is counted here: a scrape reads what workers have counted in
 * shared memory, on the main thread and in short slices, so that it costs the data plane nothing.
 */
export class MetricsRegistry {
  /** For the Content-Type header. */
  readonly contentType: string;

  readonly #exposition = new Exposition();
  readonly #written = new WrittenSeries(this.#exposition);
  readonly #clusters: ClusterMetrics;
  readonly #process: ProcessMetrics;
  readonly #waits: SourceWaits;
  readonly #guard: GuardMetrics;
  readonly #port: PortMetrics;
  readonly #routes: RouteMetrics;
  readonly #config: ConfigMetrics;
  readonly #certificates: CertificateMetrics;
  readonly #clock: Clock;
  readonly #wallNowMs: () => number;
  readonly #memoryUsage: () => MemoryUsage;
  #xdsClient: XdsClientMetrics | undefined;
  #capture: CaptureMetrics | undefined;
  #tracedCalls: (() => TracedCalls) | undefined;
  readonly #workerCounters: WorkerCounters;
  #lastRender: Promise<unknown> = Promise.resolve();

  constructor(options: MetricsRegistryOptions) {
    const budget = new SeriesBudget(options.maxSeries ?? DEFAULT_MAX_SERIES, MAX_SERIES_OCTETS);
    const allocator = new SeriesAllocator(this.#exposition, budget);
    this.contentType = this.#exposition.contentType;
    this.#clusters = new ClusterMetrics(allocator, options.endpointCounters, options.sources);
    this.#process = new ProcessMetrics(
      this.#exposition,
      options.workerCounters,
      options.threadRestarts,
      budget,
    );
    this.#waits = new SourceWaits(this.#exposition, options.workerCounters, options.sources);
    this.#port = new PortMetrics(this.#exposition, options.workerCounters);
    this.#guard = new GuardMetrics(this.#exposition, options.workerCounters, options.overload);
    this.#routes = new RouteMetrics(this.#exposition);
    this.#config = new ConfigMetrics(this.#exposition, options.version);
    this.#certificates = new CertificateMetrics(this.#exposition);
    this.#workerCounters = options.workerCounters;
    this.#clock = options.clock ?? monotonicClock;
    this.#wallNowMs = options.wallNowMs ?? Date.now;
    this.#memoryUsage = options.memoryUsage ?? process.memoryUsage;
  }

  /** A cluster is new or has changed. Other `counters` than before start its totals anew. */
  setCluster(snapshot: ClusterSnapshot, counters: ClusterCounters): void {
    this.#clusters.set(snapshot, counters);
  }

  /** Its series end; nothing happens when there is no such cluster. */
  removeCluster(name: string): void {
    this.#clusters.remove(name);
  }

  /** A route's requests are counted at a number of its own. */
  addRouteSeries(series: RouteSeries, number: number, counters: RouteCounters): void {
    this.#routes.add(series, number, counters);
  }

  /** Certificates of our own that are in use. */
  ownCertificates(certificates: readonly OwnCertificate[]): void {
    this.#certificates.set(certificates);
  }

  /** Changed certificates were taken from disk, or could not be. */
  certificatesReloaded(succeeded: boolean): void {
    this.#certificates.reloaded(succeeded);
  }

  /** Traffic of the node is captured. @param counts as it is at the time of a scrape. */
  setCapture(counts: () => CaptureCounts): void {
    this.#capture = new CaptureMetrics(this.#exposition, counts);
  }

  /** Calls are traced. @param counts as they are at the time of a scrape. */
  setTracing(counts: () => TracedCalls): void {
    this.#tracedCalls = counts;
  }

  /** The process has begun to leave. @param limitMs what streams may take. */
  departing(limitMs: number): void {
    this.#config.departing(limitMs, this.#wallNowMs());
  }

  /** There is a control plane. @param counts as it is at the time of a scrape. */
  setXdsClient(counts: () => XdsClientCounts): void {
    this.#xdsClient = new XdsClientMetrics(this.#exposition, this.#workerCounters, counts);
  }

  /** A configuration was loaded, the first included. @param version names what is in force from now on. */
  configLoaded(version: string): void {
    this.#config.loaded(version, this.#wallNowMs());
  }

  /** A configuration was refused; the former one stays in force. */
  configFailed(): void {
    this.#config.failed();
  }

  /**
   * Scrapes. A scrape that comes during another waits for it.
   *
   * @returns the text in parts, to be sent one after the other.
   */
  render(): Promise<readonly string[]> {
    const parts = this.#lastRender.then(() => this.#renderNow());
    this.#lastRender = parts.catch(() => undefined);
    return parts;
  }

  async #renderNow(): Promise<readonly string[]> {
    const pace = new ScrapePace(this.#clock);
    await this.#clusters.collect(pace);
    this.#process.collect(this.#wallNowMs(), this.#memoryUsage());
    this.#waits.collect();
    this.#guard.collect();
    this.#port.collect();
    this.#routes.collect();
    this.#xdsClient?.collect();
    this.#capture?.collect();
    this.#config.collect(this.#wallNowMs());
    const traced = this.#tracedCalls?.();
    if (traced !== undefined)
      for (const result of ["sent", "dropped"] as const)
        this.#written.set(METRIC.tracedCalls, { result }, traced[result]);
    const parts: string[] = [];
    for await (const part of this.#exposition.render(pace)) parts.push(part);
    return parts;
  }
}
