import type { Cluster } from "../resource/cluster.ts";
import { parseDestination } from "../telemetry/destination.ts";
import type { Exposition } from "../telemetry/exposition.ts";
import type { MetricDefinition } from "../telemetry/metric-catalog.ts";
import type { ScrapePace } from "../telemetry/scrape-pace.ts";
import type { Labels, Series } from "../telemetry/series.ts";
import type { EndpointTotals } from "../xds/load/endpoint-totals.ts";
import type { LoadBook } from "../xds/load/load-book.ts";
import { endpointHash } from "../xds/resources/service-view.ts";
import { SERVICE_METRIC as METRIC } from "./service-catalog.ts";

/** What {@link EndpointMetrics} reads. */
export interface EndpointMetricsSource {
  readonly totals: Pick<EndpointTotals, "services" | "of">;
  /** What this replica's own clients report. */
  readonly own: Pick<LoadBook, "of">;
  /** A service as it is now. */
  readonly cluster: (name: string) => Cluster | undefined;
}

/** Lines of some 165 octets: 1.8 MB, so that a scrape with everything else stays below 2 MB. */
const MAX_LINES = 11_000;

/** The series of one endpoint; errors and what is in flight have one since there first was any. */
interface EndpointSeries {
  readonly hash: number;
  readonly labels: Labels;
  readonly requests: Series;
  errors: Series | undefined;
  inFlight: Series | undefined;
}

interface ServiceSeries {
  readonly cluster: Cluster;
  readonly endpoints: readonly EndpointSeries[];
}

/**
 * Metrics per endpoint: of services with traffic, the busiest first, as long as there is room. All endpoints of such a service have a series, also those
 * that nobody calls: they count in what is compared. A service that has its series keeps them while it has any reports.
 */
export class EndpointMetrics {
  readonly #exposition: Exposition;
  readonly #source: EndpointMetricsSource;
  readonly #maxLines: number;
  readonly #services = new Map<string, ServiceSeries>();
  readonly #cell = new Float64Array(1);
  #lines = 0;
  /** Services whose endpoints found no room at the last scrape. */
  leftOut = 0;

  /** @param maxLines series at most. */
  constructor(exposition: Exposition, source: EndpointMetricsSource, maxLines = MAX_LINES) {
    this.#exposition = exposition;
    this.#source = source;
    this.#maxLines = maxLines;
  }

  /** Brings all series up to date. One at a time: the caller awaits it before the next. */
  async collect(pace: ScrapePace): Promise<void> {
    const { totals, own, cluster } = this.#source;
    for (const [name, known] of this.#services) {
      const now = totals.of(name) === undefined ? undefined : cluster(name);
      if (now === undefined || now.endpoints !== known.cluster.endpoints) this.#end(name, known);
    }
    const rates = new Map<string, number>();
    for (const name of totals.services) rates.set(name, own.of(name)?.requestsPerSecond ?? 0);
    const waiting = [...rates.keys()].filter((name) => !this.#services.has(name));
    waiting.sort((a, b) => rates.get(b)! - rates.get(a)! || (a < b ? -1 : 1));
    this.leftOut = 0;
    for (const name of waiting) {
      const now = cluster(name);
      if (now !== undefined && !this.#begin(name, now)) this.leftOut++;
    }
    for (const [name, { endpoints }] of this.#services) {
      this.#collectOne(name, endpoints);
      await pace.pause();
    }
  }

  #collectOne(name: string, endpoints: readonly EndpointSeries[]): void {
    const totals = this.#source.totals.of(name);
    const streams = this.#source.own.of(name)?.streams;
    for (const endpoint of endpoints) {
      const total = totals?.get(endpoint.hash);
      this.#put(endpoint.requests, total?.issued ?? 0);
      const errors = total?.errors ?? 0;
      if (errors > 0) endpoint.errors ??= this.#add(METRIC.endpointErrors, endpoint.labels);
      if (endpoint.errors !== undefined) this.#put(endpoint.errors, errors);
      const inFlight = streams?.get(endpoint.hash) ?? 0;
      if (inFlight > 0) endpoint.inFlight ??= this.#add(METRIC.endpointInFlight, endpoint.labels);
      if (endpoint.inFlight !== undefined) this.#put(endpoint.inFlight, inFlight);
    }
  }

  /** @returns whether there is room. */
  #begin(name: string, cluster: Cluster): boolean {
    // Its errors and what is in flight find room too, or others' do not.
    if (this.#lines + cluster.endpoints.length > this.#maxLines) return false;
    const destination = parseDestination(name);
    const seen = new Set<number>();
    const endpoints: EndpointSeries[] = [];
    for (const { address, port, zone } of cluster.endpoints) {
      const hash = endpointHash(address, port);
      if (seen.has(hash)) continue;
      seen.add(hash);
      const host = address.includes(":") ? `[${address}]` : address;
      const labels = { ...destination, endpoint: `${host}:${port}`, dst_zone: zone };
      const requests = this.#exposition.family(METRIC.endpointRequests).add(labels);
      this.#lines++;
      endpoints.push({ hash, labels, requests, errors: undefined, inFlight: undefined });
    }
    this.#services.set(name, { cluster, endpoints });
    return true;
  }

  #add(metric: MetricDefinition, labels: Labels): Series | undefined {
    if (this.#lines >= this.#maxLines) return undefined;
    this.#lines++;
    return this.#exposition.family(metric).add(labels);
  }

  #end(name: string, { endpoints }: ServiceSeries): void {
    this.#services.delete(name);
    for (const { requests, errors, inFlight } of endpoints) {
      this.#delete(METRIC.endpointRequests, requests);
      this.#delete(METRIC.endpointErrors, errors);
      this.#delete(METRIC.endpointInFlight, inFlight);
    }
  }

  #delete(metric: MetricDefinition, series: Series | undefined): void {
    if (series === undefined) return;
    this.#exposition.family(metric).delete(series);
    this.#lines--;
  }

  #put(series: Series, value: number): void {
    this.#cell[0] = value;
    series.set(this.#cell);
  }
}
