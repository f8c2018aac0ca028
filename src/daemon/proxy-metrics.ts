import { MetricsServer } from "../admin/metrics-server.ts";
import type { Config } from "../config/config.ts";
import { configVersion } from "../config/config-version.ts";
import type { SocketAddress } from "../config/socket-address.ts";
import type { CaptureCounts } from "../telemetry/capture-metrics.ts";
import type { OwnCertificate } from "../telemetry/certificate-metrics.ts";
import type { Log } from "../telemetry/log.ts";
import type { TracedCalls } from "../telemetry/metrics-registry.ts";
import { MetricsRegistry } from "../telemetry/metrics-registry.ts";
import type { RouteCounters } from "../telemetry/route-counters.ts";
import type { RouteSeries } from "../telemetry/route-metrics.ts";
import { VERSION } from "../telemetry/version.ts";
import type { XdsClientCounts } from "../telemetry/xds-client-metrics.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";
import { MetricsPort } from "./metrics-port.ts";
import type { ProxyCounters } from "./proxy-counters.ts";

/** The metrics of the proxy and the server that shows them. */
export class ProxyMetrics {
  readonly #registry: MetricsRegistry;
  readonly #server: MetricsServer;
  readonly #log: Log;
  #port: MetricsPort | undefined;
  #isOnNode = false;

  constructor(counters: ProxyCounters, log: Log) {
    this.#log = log;
    this.#registry = new MetricsRegistry({
      version: VERSION,
      workerCounters: counters.workers,
      endpointCounters: counters.endpoints,
      threadRestarts: counters.restarts,
      overload: counters.overload,
      sources: counters.sources,
    });
    this.#server = new MetricsServer(this.#registry);
  }

  /**
   * Where capture is on it may be that the address is bound later: when the generation before gives it up.
   *
   * @throws the system's error when the address cannot be bound.
   */
  async listen(address: SocketAddress): Promise<void> {
    if (!this.#isOnNode) return void (await this.#server.listen(address));
    this.#port = new MetricsPort(this.#server, address, this.#log);
    await this.#port.open();
  }

  /** At the end, or for the next generation. */
  close(): Promise<void> {
    return (this.#port ?? this.#server).close();
  }

  published({ snapshot, counters }: PublishedCluster): void {
    this.#registry.setCluster(snapshot, counters);
  }

  removed(clusterName: string): void {
    this.#registry.removeCluster(clusterName);
  }

  ownCertificates(certificates: readonly OwnCertificate[]): void {
    this.#registry.ownCertificates(certificates);
  }

  certificatesReloaded(succeeded: boolean): void {
    this.#registry.certificatesReloaded(succeeded);
  }

  routeSeries(series: RouteSeries, number: number, counters: RouteCounters): void {
    this.#registry.addRouteSeries(series, number, counters);
  }

  /** Has to be called before {@link listen}. */
  capture(counts: () => CaptureCounts): void {
    this.#isOnNode = true;
    this.#registry.setCapture(counts);
  }

  controlPlane(counts: () => XdsClientCounts): void {
    this.#registry.setXdsClient(counts);
  }

  tracing(counts: () => TracedCalls): void {
    this.#registry.setTracing(counts);
  }

  departing(limitMs: number): void {
    this.#registry.departing(limitMs);
  }

  configInForce(config: Config): void {
    this.#registry.configLoaded(configVersion(config));
  }

  configRefused(): void {
    this.#registry.configFailed();
  }
}
