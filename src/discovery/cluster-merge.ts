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
  readonly #names = new Set<string>();
  readonly #known = new Map<string, Cluster>();

  constructor(sink: ClusterSink) {
    this.configured = {
      upsert: (cluster) => {
        this.#names.add(keyOf(cluster.name));
        sink.upsert(cluster);
      },
      remove: (name) => {
        this.#names.delete(keyOf(name));
        const known = this.#known.get(keyOf(name));
        sink.remove(name);
        if (known !== undefined) sink.upsert(known);
      },
      complete: () => sink.complete(),
    };
    this.discovered = {
      upsert: (cluster) => {
        this.#known.set(keyOf(cluster.name), cluster);
        if (!this.#names.has(keyOf(cluster.name))) sink.upsert(cluster);
      },
      remove: (name) => {
        this.#known.delete(keyOf(name));
        if (!this.#names.has(keyOf(name))) sink.remove(name);
      },
    };
  }
}

/** Authorities compare without regard to case. */
function keyOf(name: string): string {
  return name.toLowerCase();
}
