import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import type { MetricsRegistryOptions } from "../../src/telemetry/metrics-registry.ts";
import { MetricsRegistry } from "../../src/telemetry/metrics-registry.ts";
import { OverloadState } from "../../src/telemetry/overload-state.ts";
import { ThreadRestarts } from "../../src/telemetry/thread-restarts.ts";
import { WorkerCounters } from "../../src/telemetry/worker-counters.ts";
import { cluster } from "../resource/cluster-builder.ts";
import type { ParsedMetric } from "./exposition-parser.ts";
import { parseExposition } from "./exposition-parser.ts";

const WORKERS = 2;

/** A metrics registry with the counters of two workers, a wall clock that stands at `nowMs`, and fixed memory. */
export class MetricsFixture {
  nowMs = 1_800_000_000_000;
  readonly workers = new WorkerCounters(WORKERS);
  readonly endpoints = new EndpointCounters(WORKERS);
  readonly restarts = new ThreadRestarts();
  readonly overload = new OverloadState();
  readonly slots = new SlotRegistry({ workerCount: WORKERS });
  readonly registry: MetricsRegistry;

  constructor(options: Partial<MetricsRegistryOptions> = {}) {
    this.registry = new MetricsRegistry({
      version: "1.2.3",
      workerCounters: this.workers,
      endpointCounters: this.endpoints,
      threadRestarts: this.restarts,
      overload: this.overload,
      wallNowMs: () => this.nowMs,
      memoryUsage: () => ({ rss: 80e6, heapUsed: 20e6, external: 3e6 }),
      ...options,
    });
  }

  /** Announces a cluster. @returns its counters: those given, or new ones. */
  addCluster(
    name: string,
    endpoints: readonly Endpoint[] = [],
    counters = new ClusterCounters(WORKERS),
  ): ClusterCounters {
    const source = cluster(endpoints, { name });
    const snapshot = new ClusterSnapshot(encodeClusterSnapshot(source, this.slots.assign(source)));
    this.registry.setCluster(snapshot, counters);
    return counters;
  }

  async scrape(): Promise<Map<string, ParsedMetric>> {
    return parseExposition((await this.registry.render()).join(""));
  }

  /** Scrapes, and sums the samples of a metric that have these labels; undefined when there are none. */
  async value(
    sampleName: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<number | undefined> {
    const samples = [...(await this.scrape()).values()].flatMap((metric) => metric.samples);
    const matching = samples.filter(
      (sample) =>
        sample.name === sampleName &&
        Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
    );
    return matching.length === 0 ? undefined : matching.reduce((sum, sample) => sum + sample.value, 0);
  }
}
