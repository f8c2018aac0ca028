import type { Random } from "../base/random.ts";
import type { ListedHost } from "../lb/outlier/outlier-detector.ts";
import { OutlierDetector } from "../lb/outlier/outlier-detector.ts";
import type { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { ClusterCounters } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { Log } from "../telemetry/log.ts";
import { ClusterEjections } from "./cluster-ejections.ts";

/** What an {@link OutlierMonitor} works with. */
export interface OutlierMonitorOptions {
  readonly endpoints: EndpointCounters;
  readonly outcomes: SharedOutcomes;
  readonly random: Random;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** A cluster that has outlier detection on. */
interface WatchedCluster {
  readonly detector: OutlierDetector;
  readonly ejections: ClusterEjections;
}

/** Outlier detection of all clusters, on the main thread, which sees what all workers have counted. */
export class OutlierMonitor {
  readonly #options: OutlierMonitorOptions;
  readonly #clusters = new Map<string, WatchedCluster>();

  constructor(options: OutlierMonitorOptions) {
    this.#options = options;
  }

  /** Takes a cluster's new version. @param isUsed whether this proxy uses the endpoint with that index at all. */
  set(snapshot: ClusterSnapshot, counters: ClusterCounters, isUsed: (index: number) => boolean): void {
    const settings = snapshot.settings.outlierDetection;
    if (settings === null) {
      this.remove(snapshot.name);
      return;
    }
    const { endpoints, outcomes, random, nowMs, log } = this.#options;
    let watched = this.#clusters.get(snapshot.name);
    if (watched === undefined) {
      const ejections = new ClusterEjections(snapshot, counters, endpoints, outcomes, log);
      const detector = new OutlierDetector(settings, outcomes, random, ejections);
      watched = { ejections, detector };
      this.#clusters.set(snapshot.name, watched);
    }
    const listed: ListedHost[] = [];
    for (let i = 0; i < snapshot.count; i++) {
      if (snapshot.healthAt(i) !== HEALTH_CODE.healthy || !isUsed(i)) continue;
      listed.push({ slot: snapshot.slotAt(i), generation: snapshot.generationAt(i) });
    }
    watched.ejections.snapshot = snapshot;
    watched.detector.update(settings, listed, nowMs());
  }

  /** Forgets a cluster, and takes its ejected endpoints back. */
  remove(name: string): void {
    this.#clusters.get(name)?.detector.close();
    this.#clusters.delete(name);
  }

  /** Whether any cluster is watched. */
  get isActive(): boolean {
    return this.#clusters.size > 0;
  }

  /** Looks at what has come in; to be called several times a second. */
  tick(): void {
    const nowMs = this.#options.nowMs();
    for (const { detector } of this.#clusters.values()) detector.tick(nowMs);
  }
}
