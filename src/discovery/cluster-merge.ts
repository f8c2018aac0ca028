import type { Cluster } from "../resource/cluster.ts";
import type { ClusterSink } from "./cluster-sink.ts";

/** Where a source of clusters puts them that is not the configuration. */
export type DiscoveredClusters = Pick<ClusterSink, "upsert" | "remove">;

/**
 * Two sources of clusters made one: what the configuration names counts; what else a control plane knows counts where the
 * configuration has no such name, and again when it has it no more.
 */
export class ClusterMerge {
  /** For the configuration. */
  readonly configured: ClusterSink;
  /** For a control plane. */
  readonly discovered: DiscoveredClusters;
  readonly #configured = new Map<string, Cluster>();
  readonly #known = new Map<string, Cluster>();

  /** What the configuration names, as it is now. */
  get clusters(): Iterable<Cluster> {
    return this.#configured.values();
  }

  /** @param onConfigured told when a cluster of the configuration is new or has changed. */
  constructor(sink: ClusterSink, onConfigured: () => void = () => {}) {
    this.configured = {
      upsert: (cluster) => {
        this.#configured.set(keyOf(cluster.name), cluster);
        sink.upsert(cluster);
        onConfigured();
      },
      remove: (name) => {
        this.#configured.delete(keyOf(name));
        const known = this.#known.get(keyOf(name));
        sink.remove(name);
        if (known !== undefined) sink.upsert(known);
      },
      complete: () => sink.complete(),
    };
    this.discovered = {
      upsert: (cluster) => {
        this.#known.set(keyOf(cluster.name), cluster);
        if (!this.#configured.has(keyOf(cluster.name))) sink.upsert(cluster);
      },
      remove: (name) => {
        this.#known.delete(keyOf(name));
        if (!this.#configured.has(keyOf(name))) sink.remove(name);
      },
    };
  }
}

/** Authorities compare without regard to case. */
function keyOf(name: string): string {
  return name.toLowerCase();
}
