import { MetricsServer } from "../admin/metrics-server.ts";
import type { Config } from "../config/config.ts";
import { configVersion } from "../config/config-version.ts";
import type { SocketAddress } from "../config/socket-address.ts";
import type { CaptureCounts } from "../telemetry/capture-metrics.ts";
import type { OwnCertificate } from "../telemetry/certificate-metrics.ts";
import { MetricsRegistry } from "../telemetry/metrics-registry.ts";
import type { RouteCounters } from "../telemetry/route-counters.ts";
import type { RouteSeries } from "../telemetry/route-metrics.ts";
import { VERSION } from "../telemetry/version.ts";
import type { XdsClientCounts } from "../telemetry/xds-client-metrics.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";
import type { ProxyCounters } from "./proxy-counters.ts";

/** The metrics of the proxy and the server that shows them. */
export class ProxyMetrics {
  readonly #registry: MetricsRegistry;
  readonly #server: MetricsServer;

  constructor(counters: ProxyCounters) {
    this.#registry = new MetricsRegistry({
      version: VERSION,
      workerCounters: counters.workers,
      endpointCounters: counters.endpoints,
      threadRestarts: counters.restarts,
      overload: counters.overload,
    });
    this.#server = new MetricsServer(this.#registry);
  }

  /**
   * @returns the port as bound; 0 for a unix socket.
   * @throws the system's error when the address cannot be bound.
   */
  listen(address: SocketAddress): Promise<number> {
    return this.#server.listen(address);
  }

  close(): Promise<void> {
    return this.#server.close();
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

  capture(counts: () => CaptureCounts): void {
    this.#registry.setCapture(counts);
  }

  controlPlane(counts: () => XdsClientCounts): void {
    this.#registry.setXdsClient(counts);
  }

  configInForce(config: Config): void {
    this.#registry.configLoaded(configVersion(config));
  }

  configRefused(): void {
    this.#registry.configFailed();
  }
}
