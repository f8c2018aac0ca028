import { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import { OverloadState } from "../telemetry/overload-state.ts";
import { SourceNames } from "../telemetry/source-names.ts";
import { ThreadRestarts } from "../telemetry/thread-restarts.ts";
import { WorkerCounters } from "../telemetry/worker-counters.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";

/** The counters of the process that exist once; those of clusters live with the clusters. */
export class ProxyCounters {
  readonly endpoints: EndpointCounters;
  readonly workers: WorkerCounters;
  /** What attempts come to, for outlier detection. */
  readonly outcomes: SharedOutcomes;
  readonly overload = new OverloadState();
  readonly restarts = new ThreadRestarts();
  /** Numbers of callers' namespaces. */
  readonly sources = new SourceNames();

  constructor(workerCount: number) {
    this.endpoints = new EndpointCounters(workerCount);
    this.workers = new WorkerCounters(workerCount);
    this.outcomes = new SharedOutcomes(workerCount);
  }

  /** Clears what a dead worker had open (streams in flight, connections); its totals stay. */
  retireWorker(worker: number, clusters: Iterable<PublishedCluster>): void {
    this.endpoints.retireRow(worker);
    this.workers.retireRow(worker);
    for (const { counters } of clusters) counters.retireRow(worker);
  }
}
