import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import { ClusterReports } from "./cluster-reports.ts";

/** Which clusters' reports are of interest, and how; for the others it holds and costs nothing. */
export class ClusterReportsTable {
  /** By cluster slot. */
  readonly #clusters: (ClusterReports | undefined)[] = [];

  /** Cluster slots are below. */
  get length(): number {
    return this.#clusters.length;
  }

  /** Takes a cluster, new or changed. */
  apply(snapshot: ClusterSnapshot): void {
    const { clusterSlot } = snapshot;
    this.#clusters[clusterSlot] = ClusterReports.of(snapshot, this.#clusters[clusterSlot]);
  }

  /** Forgets a cluster. */
  remove(clusterSlot: number): void {
    this.#clusters[clusterSlot] = undefined;
  }

  /** @returns what applies to a cluster's reports; undefined when they are of no interest. */
  of(clusterSlot: number): ClusterReports | undefined {
    return this.#clusters[clusterSlot];
  }
}
