import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { ClusterCounters } from "./cluster-counters.ts";
import { ClusterSeries } from "./cluster-series.ts";
import type { Destination } from "./destination.ts";
import { parseDestination, verbatimDestination } from "./destination.ts";
import type { EndpointCounters } from "./endpoint-counters.ts";
import type { ScrapePace } from "./scrape-pace.ts";
import type { SeriesAllocator } from "./series-allocator.ts";
import type { SourceNames } from "./source-names.ts";

/** The metrics that are told per service. */
export class ClusterMetrics {
  readonly #allocator: SeriesAllocator;
  readonly #endpointCounters: EndpointCounters;
  readonly #sources: SourceNames | undefined;
  readonly #clusters = new Map<string, ClusterSeries>();
  /** Names of clusters by the labels they have. */
  readonly #owners = new Map<string, string>();
  /** Changes that came while a scrape was summing up; undefined when none is. */
  #deferred: (() => void)[] | undefined;

  /** @param sources names of callers' namespaces; default: no caller is known. */
  constructor(allocator: SeriesAllocator, endpointCounters: EndpointCounters, sources?: SourceNames) {
    this.#allocator = allocator;
    this.#sources = sources;
    this.#endpointCounters = endpointCounters;
  }

  set(snapshot: ClusterSnapshot, counters: ClusterCounters): void {
    this.#change(() => {
      const known = this.#clusters.get(snapshot.name);
      if (known?.counters.buffer === counters.buffer) {
        known.snapshot = snapshot;
        return;
      }
      known?.retire();
      const destination = this.#destinationOf(snapshot.name);
      const series = new ClusterSeries(
        snapshot,
        counters,
        this.#endpointCounters,
        this.#allocator,
        destination,
        this.#sources,
      );
      this.#clusters.set(snapshot.name, series);
    });
  }

  remove(name: string): void {
    this.#change(() => {
      this.#clusters.get(name)?.retire();
      this.#clusters.delete(name);
      const key = keyOf(parseDestination(name));
      if (this.#owners.get(key) === name) this.#owners.delete(key);
    });
  }

  /** Brings all series up to date. One at a time: the caller awaits it before the next. */
  async collect(pace: ScrapePace): Promise<void> {
    this.#deferred = [];
    for (const cluster of this.#clusters.values()) {
      cluster.collect();
      await pace.pause();
    }
    this.#allocator.publish();
    const changes = this.#deferred;
    this.#deferred = undefined;
    for (const change of changes) change();
  }

  /** A service that the file and the control plane both have, under two names, is told apart by what was there first. */
  #destinationOf(name: string): Destination {
    const destination = parseDestination(name);
    const key = keyOf(destination);
    const owner = this.#owners.get(key) ?? name;
    if (owner !== name) return verbatimDestination(name);
    this.#owners.set(key, name);
    return destination;
  }

  /** A cluster that goes in the middle of a scrape would be missing in the sums of `other`, once. */
  #change(change: () => void): void {
    if (this.#deferred === undefined) change();
    else this.#deferred.push(change);
  }
}

function keyOf({ dst_namespace, dst_service, dst_port }: Destination): string {
  return `${dst_namespace}/${dst_service}:${dst_port}`;
}
