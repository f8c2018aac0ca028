import type { NodeStatus, ServiceStatus } from "../../admin/node-status.ts";
import { parseDestination } from "../../telemetry/destination.ts";
import { BUCKET_BOUNDS_SECONDS } from "../../telemetry/histogram-buckets.ts";

/** One service between two looks at all proxies. */
export interface ServiceRate {
  readonly name: string;
  readonly namespace: string;
  readonly requestsPerSecond: number;
  readonly inFlight: number;
  readonly queued: number;
  readonly endpoints: number;
  /** Requests of the busiest endpoint relative to the mean of all; NaN while there are too few. */
  readonly maxOverMean: number;
  /** Upper bounds of the buckets in which they lie, interpolated; NaN without requests. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** 0 to 1; NaN without requests. */
  readonly errorRate: number;
  /** Octets that went to another zone, 0 to 1; NaN where none did anything, or zones are not known. */
  readonly crossZone: number;
  /** Zones of its endpoints. */
  readonly zones: number;
  /** Connections of captured Pods past the proxy, now. */
  readonly bypassed: number;
  /** Open connections of the proxies to its endpoints; 0 of those that are too old to say. */
  readonly upstreamConnections: number;
  /** Open connections that are passed on as a whole. */
  readonly spliced: number;
}

/** Below so many requests for each endpoint the busiest one's share is chance. */
const LEAST_PER_ENDPOINT = 5;
const LAST_BOUND_MS = BUCKET_BOUNDS_SECONDS.at(-1)! * 1_000;

/** @returns what services did between two looks, the busiest first. A proxy that began anew in between counts from there. */
export function serviceRates(
  before: readonly NodeStatus[],
  after: readonly NodeStatus[],
): readonly ServiceRate[] {
  const former = new Map(before.map((each) => [nodeKey(each), each]));
  const sums = new Map<string, Sum>();
  const nodesSeen = new Set<string>();
  for (const status of after) {
    const past = former.get(nodeKey(status));
    const seconds = past === undefined ? status.uptimeSeconds : (status.atMs - past.atMs) / 1_000;
    if (seconds <= 0) continue;
    const pastServices = new Map(past?.services.map((each) => [each.name, each]));
    for (const service of status.services) {
      let sum = sums.get(service.name);
      if (sum === undefined) {
        sum = new Sum(service.name);
        sums.set(service.name, sum);
      }
      // All generations of a node say the same of connections past them.
      sum.add(service, pastServices.get(service.name), seconds, !nodesSeen.has(status.node));
    }
    nodesSeen.add(status.node);
  }
  return [...sums.values()]
    .map((sum) => sum.rate)
    .sort((a, b) => b.requestsPerSecond - a.requestsPerSecond || (a.name < b.name ? -1 : 1));
}

/** @returns what tells the proxies of all nodes, and of one node's generations, apart. */
export function nodeKey({ node, capture }: NodeStatus): string {
  return `${node} ${capture?.generation ?? ""}`;
}

class Sum {
  readonly #name: string;
  #perSecond = 0;
  #requests = 0;
  #errors = 0;
  #inFlight = 0;
  #queued = 0;
  #bypassed = 0;
  #upstream = 0;
  #spliced = 0;
  #same = 0;
  #cross = 0;
  readonly #durations: number[] = [];
  readonly #endpoints = new Map<string, number>();
  readonly #zones = new Set<string>();

  constructor(name: string) {
    this.#name = name;
  }

  add(now: ServiceStatus, past: ServiceStatus | undefined, seconds: number, countsBypassed: boolean): void {
    const requests = grown(now.requests, past?.requests);
    this.#requests += requests;
    this.#perSecond += requests / seconds;
    this.#errors += grown(now.errors, past?.errors);
    this.#inFlight += now.inFlight;
    this.#queued += now.queued;
    if (countsBypassed) this.#bypassed += now.bypassed;
    this.#upstream += now.upstreamConnections ?? 0;
    this.#spliced += now.spliced;
    this.#same += grown(now.sameZoneOctets, past?.sameZoneOctets);
    this.#cross += grown(now.crossZoneOctets, past?.crossZoneOctets);
    for (const [i, count] of now.durations.entries())
      this.#durations[i] = (this.#durations[i] ?? 0) + grown(count, past?.durations[i]);
    const pastEndpoints = new Map(past?.endpoints.map((each) => [each.address, each.requests]));
    for (const { address, zone, requests: count } of now.endpoints) {
      const more = grown(count, pastEndpoints.get(address));
      this.#endpoints.set(address, (this.#endpoints.get(address) ?? 0) + more);
      if (zone !== "") this.#zones.add(zone);
    }
  }

  get rate(): ServiceRate {
    const counts = [...this.#endpoints.values()];
    const total = counts.reduce((sum, count) => sum + count, 0);
    const isEnough = counts.length > 0 && total >= LEAST_PER_ENDPOINT * counts.length;
    const octets = this.#same + this.#cross;
    return {
      name: this.#name,
      namespace: parseDestination(this.#name).dst_namespace,
      requestsPerSecond: this.#perSecond,
      inFlight: this.#inFlight,
      queued: this.#queued,
      endpoints: counts.length,
      maxOverMean: isEnough
        ? (counts.reduce((a, b) => Math.max(a, b), 0) * counts.length) / total
        : Number.NaN,
      p50Ms: quantileMs(this.#durations, 0.5),
      p99Ms: quantileMs(this.#durations, 0.99),
      errorRate: this.#requests > 0 ? this.#errors / this.#requests : Number.NaN,
      crossZone: octets > 0 && this.#zones.size > 0 ? this.#cross / octets : Number.NaN,
      zones: this.#zones.size,
      bypassed: this.#bypassed,
      upstreamConnections: this.#upstream,
      spliced: this.#spliced,
    };
  }
}

/** @returns by how much a counter grew; one that is smaller than before began anew. */
export function grown(now: number, past = 0): number {
  return now >= past ? now - past : now;
}

/** As Prometheus' histogram_quantile: linear within the bucket. @param counts cells of BUCKET_BOUNDS_SECONDS and those above. */
export function quantileMs(counts: readonly number[], quantile: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return Number.NaN;
  let rest = total * quantile;
  for (const [i, count] of counts.entries()) {
    if (rest > count) {
      rest -= count;
      continue;
    }
    const upper = (BUCKET_BOUNDS_SECONDS[i] ?? Number.NaN) * 1_000;
    if (Number.isNaN(upper)) return LAST_BOUND_MS;
    const lower = i === 0 ? 0 : BUCKET_BOUNDS_SECONDS[i - 1]! * 1_000;
    return lower + ((upper - lower) * rest) / Math.max(count, 1);
  }
  return LAST_BOUND_MS;
}
