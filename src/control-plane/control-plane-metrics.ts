import type { MetricsSource } from "../admin/metrics-server.ts";
import { monotonicClock } from "../base/clock.ts";
import type { Cluster } from "../resource/cluster.ts";
import { Exposition } from "../telemetry/exposition.ts";
import { ScrapePace } from "../telemetry/scrape-pace.ts";
import type { Series } from "../telemetry/series.ts";
import { VERSION } from "../telemetry/version.ts";
import { WrittenSeries } from "../telemetry/written-series.ts";
import type { ResourceCache } from "../xds/cache/resource-cache.ts";
import type { AdsServer } from "../xds/server/ads-server.ts";
import type { Audit } from "./audit/audit.ts";
import { CONTROL_PLANE_METRIC as METRIC } from "./control-plane-catalog.ts";
import type { ControlPlaneEvents } from "./control-plane-events.ts";
import { EndpointMetrics } from "./endpoint-metrics.ts";
import type { FleetLoads } from "./fleet-loads.ts";
import { writeFleetMetrics } from "./fleet-metrics.ts";
import type { KubernetesView } from "./kubernetes-metrics.ts";
import { writeKubernetesMetrics } from "./kubernetes-metrics.ts";
import { ObjectiveMetrics } from "./objective-metrics.ts";
import type { WebhookService } from "./webhook/webhook-service.ts";

/** What is shown. */
export interface ControlPlaneParts {
  readonly cache: ResourceCache;
  readonly events: ControlPlaneEvents;
  readonly server: AdsServer;
  readonly loads: FleetLoads;
  readonly audit?: Audit | undefined;
  readonly kubernetes?: KubernetesView | undefined;
  readonly webhook?: Pick<WebhookService, "counts"> | undefined;
  /** When the certificate in use expires, in milliseconds since 1970; undefined without one. */
  readonly notAfterMs?: (() => number) | undefined;
}

/** The metrics of the control plane as Prometheus text, read off its parts when somebody asks. */
export class ControlPlaneMetrics implements MetricsSource {
  readonly contentType: string;
  readonly #parts: ControlPlaneParts;
  readonly #exposition = new Exposition(Object.values(METRIC));
  readonly #series = new WrittenSeries(this.#exposition);
  readonly #endpoints: EndpointMetrics;
  readonly #objectives = new ObjectiveMetrics(this.#exposition);
  #lastRender: Promise<unknown> = Promise.resolve();

  #head: { readonly hash: string; readonly series: Series | undefined } = { hash: "", series: undefined };

  constructor(parts: ControlPlaneParts) {
    this.#parts = parts;
    const { cache, loads } = parts;
    const cluster = (name: string): Cluster | undefined => cache.cluster(name);
    this.#endpoints = new EndpointMetrics(this.#exposition, {
      totals: loads.totals,
      own: loads.own,
      cluster,
    });
    this.contentType = this.#exposition.contentType;
  }

  /** A scrape that comes during another waits for it. */
  render(): Promise<readonly string[]> {
    const text = this.#lastRender.then(() => this.#renderNow());
    this.#lastRender = text.catch(() => undefined);
    return text;
  }

  async #renderNow(): Promise<readonly string[]> {
    const pace = new ScrapePace(monotonicClock);
    this.#collect();
    this.#objectives.collect(this.#parts.cache.models());
    await this.#endpoints.collect(pace);
    this.#series.set(METRIC.endpointsLeftOut, {}, this.#endpoints.leftOut);
    const text: string[] = [];
    for await (const part of this.#exposition.render(pace)) text.push(part);
    return text;
  }

  #collect(): void {
    const { cache, events, kubernetes } = this.#parts;
    if (kubernetes !== undefined) writeKubernetesMetrics(this.#series, kubernetes, performance.now());
    this.#series.set(METRIC.synced, {}, cache.isSynced ? 1 : 0);
    this.#series.set(METRIC.services, {}, cache.serviceCount);
    this.#series.set(METRIC.endpoints, {}, cache.endpointCount);
    writeFleetMetrics(this.#series, this.#parts.loads);
    this.#collectAudit();
    this.#collectStreams();
    for (const [typeUrl, tally] of events.tallies) {
      const type = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
      this.#series.set(METRIC.responses, { type }, tally.responses);
      this.#series.set(METRIC.resources, { type }, tally.resources);
      this.#series.set(METRIC.sent, { type }, tally.octets);
      this.#series.set(METRIC.answers, { type, result: "accepted" }, tally.accepted);
      this.#series.set(METRIC.answers, { type, result: "refused" }, tally.refused);
    }
    this.#series.of(METRIC.answerTime, {}).set(events.answerTimes);
    this.#series.set(METRIC.unknownTypes, {}, events.unknownTypes);
    this.#series.set(METRIC.faults, {}, events.faults);
    this.#collectTrust();
    const { rss, heapUsed } = process.memoryUsage();
    this.#series.set(METRIC.memory, { kind: "rss" }, rss);
    this.#series.set(METRIC.memory, { kind: "main_heap" }, heapUsed);
    this.#series.set(METRIC.buildInfo, { version: VERSION }, 1);
  }

  #collectTrust(): void {
    const { events, notAfterMs } = this.#parts;
    this.#series.set(METRIC.failedConnections, {}, events.failedConnections);
    for (const [reason, count] of Object.entries(events.refusals))
      this.#series.set(METRIC.refusals, { reason }, count);
    this.#series.set(METRIC.deniedServices, {}, events.deniedServices);
    for (const [result, count] of Object.entries(this.#parts.webhook?.counts ?? {}))
      this.#series.set(METRIC.webhookPods, { result }, count);
    const expiry = notAfterMs?.() ?? Number.NaN;
    if (!Number.isNaN(expiry)) this.#series.set(METRIC.certificateExpiry, {}, expiry / 1_000);
  }

  /** There is one series of heads at a time, with the newest. */
  #collectAudit(): void {
    const { audit } = this.#parts;
    if (audit === undefined) return;
    this.#series.set(METRIC.auditWriting, {}, audit.isWriting ? 1 : 0);
    this.#series.set(METRIC.auditRecords, { result: "written" }, audit.written);
    this.#series.set(METRIC.auditRecords, { result: "lost" }, audit.lost);
    const { n, hash } = audit.head;
    if (n === 0 || hash === this.#head.hash) return;
    const family = this.#exposition.family(METRIC.auditHead);
    if (this.#head.series !== undefined) family.delete(this.#head.series);
    const series = family.add({ hash });
    series.set(new Float64Array([n]));
    this.#head = { hash, series };
  }

  #collectStreams(): void {
    const streams = new Map<string, number>();
    const refused = new Map<string, number>();
    for (const stream of this.#parts.server.streams) {
      const place = `${stream.kind} ${stream.transport}`;
      streams.set(place, (streams.get(place) ?? 0) + 1);
      refused.set(stream.kind, (refused.get(stream.kind) ?? 0) + stream.refusedCount);
    }
    for (const client of ["isobar", "envoy", "grpc"]) {
      for (const transport of ["sotw", "delta"])
        this.#series.set(METRIC.streams, { client, transport }, streams.get(`${client} ${transport}`) ?? 0);
      this.#series.set(METRIC.refusedNow, { client }, refused.get(client) ?? 0);
    }
  }
}
