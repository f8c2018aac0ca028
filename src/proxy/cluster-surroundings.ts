import type { LoadSources } from "../lb/load/cluster-loads.ts";
import type { Place } from "../lb/place.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { SetAside } from "../resource/set-aside.ts";

/** A cluster as its surroundings see it. */
interface BalancedCluster {
  readonly snapshot: ClusterSnapshot;
  rebuild(): void;
  balance(nowMs: number): void;
}

/** What all clusters of a worker see of the world beyond their endpoints. One object for all. */
export class ClusterSurroundings {
  readonly place: Place;
  /** Why an endpoint slot is set aside; asked when candidates are made, and remembered (SharedSetAside). */
  readonly verdict: (slot: number) => SetAside;
  readonly sources: LoadSources;
  /** The other proxies; undefined for none. */
  fleet: Fleet | undefined;
  readonly #clusters: readonly (BalancedCluster | undefined)[];

  /** @param clusters by cluster slot; those that come and go later too. */
  constructor(
    clusters: readonly (BalancedCluster | undefined)[],
    place: Place,
    verdict: (slot: number) => SetAside,
    sources: LoadSources,
  ) {
    this.#clusters = clusters;
    this.place = place;
    this.verdict = verdict;
    this.sources = sources;
  }

  /** Takes the fleet, and gives the clusters that use subsets of it other endpoints. */
  setFleet(fleet: Fleet | undefined): void {
    this.fleet = fleet;
    for (const cluster of this.#clusters)
      if (cluster?.snapshot.settings.loadBalancing.subset.enabled) cluster.rebuild();
  }

  /** Lets clusters follow their load; to be called a few times a second. */
  balance(nowMs: number): void {
    for (const cluster of this.#clusters) cluster?.balance(nowMs);
  }
}
