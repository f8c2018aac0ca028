import type { CandidateSet } from "../lb/candidate-set.ts";
import type { PolicyModules } from "../lb/create-picker.ts";
import { createPicker } from "../lb/create-picker.ts";
import type { LoadSources } from "../lb/load/cluster-loads.ts";
import type { Picker } from "../lb/picker.ts";
import type { Place } from "../lb/place.ts";
import type { SubsetColumns } from "../lb/subset/subset-columns.ts";
import type { WorkInShares } from "../net/loop-turn.ts";
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
  place: Place;
  /** Why endpoint slots are set aside; asked when candidates are made, and remembered (SharedSetAside.verdict). */
  readonly verdict: (slots: Int32Array) => ((slot: number) => SetAside) | undefined;
  readonly sources: LoadSources;
  /** A team's own policies; undefined where none can be. */
  readonly modules: PolicyModules | undefined;
  /** Has work done that takes long, a share in each turn of the loop. */
  readonly inTurns: (work: WorkInShares) => void;
  /** The other proxies, as the file has them. */
  #fleet: Fleet | undefined;
  /** The same for single clusters, as a control plane knows it. */
  readonly #fleets = new Map<string, Fleet>();
  /** What is used of clusters, by name, where the main thread has said so. */
  readonly #subsets = new Map<string, SubsetColumns>();
  readonly #clusters: readonly (BalancedCluster | undefined)[];

  /**
   * @param clusters by cluster slot; those that come and go later too.
   * @param inTurns default: does it all at once.
   */
  constructor(
    clusters: readonly (BalancedCluster | undefined)[],
    place: Place,
    verdict: ClusterSurroundings["verdict"],
    sources: LoadSources,
    modules?: PolicyModules,
    inTurns: (work: WorkInShares) => void = runThrough,
  ) {
    this.inTurns = inTurns;
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

  /** @returns what is used of a cluster; undefined: all, or it is to be found out by the fleet. */
  subsetOf(cluster: string): SubsetColumns | undefined {
    return this.#subsets.get(cluster);
  }

  setSubset(cluster: string, subset: SubsetColumns | undefined): void {
    if (subset !== undefined) this.#subsets.set(cluster, subset);
    else this.#subsets.delete(cluster);
  }

  /**
   * Takes the fleet, and gives the clusters that use subsets of it other endpoints.
   *
   * @param only this cluster's.
   * @param subsets of these clusters, by name.
   */
  setFleet(
    fleet: Fleet | undefined,
    only?: string,
    subsets: Iterable<readonly [string, SubsetColumns]> = [],
  ): void {
    if (only === undefined) this.#subsets.clear();
    else this.#subsets.delete(only);
    for (const [name, subset] of subsets) this.#subsets.set(name, subset);
    if (only === undefined) this.#fleet = fleet;
    else if (fleet === undefined) this.#fleets.delete(only);
    else this.#fleets.set(only, fleet);
    for (const cluster of this.#clusters) {
      if (cluster === undefined || (only !== undefined && cluster.snapshot.name !== only)) continue;
      if (cluster.snapshot.settings.loadBalancing.subset.enabled) cluster.rebuild();
    }
  }

  /** Gives all clusters other tiers: those of another place. */
  moveTo({ zone, region }: Omit<Place, "node">): void {
    this.place = { node: this.place.node, zone, region };
    for (const cluster of this.#clusters) cluster?.rebuild();
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

function runThrough(work: WorkInShares): void {
  while (work.run());
}
