import type { Cluster } from "../resource/cluster.ts";

/** Where discovery puts what it finds. Calls never throw. */
export interface ClusterSink {
  /** A cluster is new or may have changed; the sink finds out whether it has. */
  upsert(cluster: Cluster): void;
  /** The cluster of this name is no longer configured. */
  remove(name: string): void;
  /** Every cluster of the configuration has been given, those from DNS after their first lookup. */
  complete(): void;
}
