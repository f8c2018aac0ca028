import { monotonicClock } from "../../base/clock.ts";
import type { Config } from "../../config/config.ts";
import { durationMs } from "../../config/duration-ms.ts";
import type { ClusterMerge } from "../../discovery/cluster-merge.ts";
import type { Log } from "../../telemetry/log.ts";
import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import type { PublishedCluster } from "../cluster-publisher.ts";
import type { ProxyCounters } from "../proxy-counters.ts";
import type { Readiness } from "../readiness.ts";
import type { MainToWorker } from "../worker-messages.ts";
import type { NodeCapture } from "./node-capture.ts";

/** What of the daemon the node's traffic has to do with. */
export interface CaptureSurroundings {
  readonly broadcast: (message: MainToWorker) => void;
  readonly clusters: ClusterMerge;
  readonly readiness: Readiness;
  readonly drain: (cause: string) => void;
  /** Whether there is a stream to a control plane. */
  readonly isConnected: () => boolean;
  readonly counters: ProxyCounters;
  readonly published: () => Iterable<PublishedCluster>;
  /** Streams that the limit of a drain has ended. */
  readonly ended: () => number;
  readonly log: Log;
}

/** Begins to take the node's traffic. Loaded at need: most proxies have listeners only. */
export async function openCapture(
  { capture, controlPlane, concurrency }: Config,
  {
    broadcast,
    clusters,
    readiness,
    drain,
    isConnected,
    counters,
    published,
    ended,
    log,
  }: CaptureSurroundings,
): Promise<NodeCapture | undefined> {
  if (capture === undefined) return undefined;
  const { NodeCapture } = await import("./node-capture.ts");
  const { LedgerCounter } = await import("./ledger-counter.ts");
  const { workers, sources } = counters;
  const counter = new LedgerCounter(workers, published, () => monotonicClock.nowMs());
  const node = new NodeCapture({
    config: capture,
    workers: concurrency,
    views: controlPlane && {
      maxStaleMs: durationMs(controlPlane.maxStale),
      isConfirmed: isConnected,
      clock: monotonicClock,
    },
    broadcast,
    publish: (cluster) => clusters.discovered.upsert(cluster),
    sources,
    onSuperseded: (by) => drain(`generation ${by} has taken the place of this one`),
    state: () => ({ ready: readiness.reason() === undefined, draining: readiness.isDraining }),
    counts: () => counter.read(ended()),
    countsMark: () => workers.sum(WorkerColumn.streamsStarted) + counter.open / 2 ** 20,
    log,
  });
  node.start();
  node.setServices(capture.services);
  return node;
}
