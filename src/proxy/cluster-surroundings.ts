import type { CandidateSet } from "../lb/candidate-set.ts";
import type { PolicyModules } from "../lb/create-picker.ts";
import { createPicker } from "../lb/create-picker.ts";
import type { LoadSources } from "../lb/load/cluster-loads.ts";
import type { Picker } from "../lb/picker.ts";
import type { Place } from "../lb/place.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";
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
  /** Why endpoint slots are set aside; asked when candidates are made, and remembered (SharedSetAside.verdict). */
  readonly verdict: (slots: Int32Array) => ((slot: number) => SetAside) | undefined;
  readonly sources: LoadSources;
  /** A team's own policies; undefined where none can be. */
  readonly modules: PolicyModules | undefined;
  /** The other proxies, as the file has them. */
  #fleet: Fleet | undefined;
  /** The same for single clusters, as a control plane knows it. */
  readonly #fleets = new Map<string, Fleet>();
  readonly #clusters: readonly (BalancedCluster | undefined)[];

  /** @param clusters by cluster slot; those that come and go later too. */
  constructor(
    clusters: readonly (BalancedCluster | undefined)[],
    place: Place,
    verdict: ClusterSurroundings["verdict"],
    sources: LoadSources,
    modules?: PolicyModules,
  ) {
    this.modules = modules;
    this.#clusters = clusters;
    this.place = place;
    this.verdict = verdict;
    this.sources = sources;
  }

  /** @returns the other proxies that send to a cluster; undefined for none. */
  fleetOf(cluster: string): Fleet | undefined {
    return this.#fleet ?? this.#fleets.get(cluster);
  }

  /** Takes the fleet, and gives the clusters that use subsets of it other endpoints. @param only this cluster's. */
  setFleet(fleet: Fleet | undefined, only?: string): void {
    if (only === undefined) this.#fleet = fleet;
    else if (fleet === undefined) this.#fleets.delete(only);
    else this.#fleets.set(only, fleet);
    for (const cluster of this.#clusters) {
      if (cluster === undefined || (only !== undefined && cluster.snapshot.name !== only)) continue;
      if (cluster.snapshot.settings.loadBalancing.subset.enabled) cluster.rebuild();
    }
  }

  /** Makes the picker of a tier. */
  readonly createPicker = (settings: LoadBalancing, candidates: CandidateSet): Picker =>
    createPicker(settings, candidates, this.modules);

  /** Gives the clusters of a policy other pickers: its module has come. */
  policyChanged(policy: string): void {
    for (const cluster of this.#clusters)
      if (cluster?.snapshot.settings.loadBalancing.policy === policy) cluster.rebuild();
  }

  /** Lets clusters follow their load; to be called a few times a second. */
  balance(nowMs: number): void {
    for (const cluster of this.#clusters) cluster?.balance(nowMs);
  }
}
