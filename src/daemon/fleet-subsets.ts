import type { Place } from "../lb/place.ts";
import type { SubsetColumns } from "../lb/subset/subset-columns.ts";
import { subsetColumns } from "../lb/subset/subset-columns.ts";
import { tierGroups } from "../lb/zone/tier-groups.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { FleetMessage } from "./worker-messages.ts";

/** Subsets by cluster, as workers are told them. */
export type ClusterSubsets = NonNullable<FleetMessage["subsets"]>;

/**
 * Which fleet each cluster's subset is made of, and the subsets, made on the main thread: with many proxies and endpoints that takes milliseconds, in which a
 * worker would serve nobody.
 */
export class FleetSubsets {
  readonly #place: Place;
  /** As the file has it, which counts; and for single clusters, as a control plane knows it. */
  #fleet: Fleet | undefined;
  readonly #fleets = new Map<string, Fleet>();

  constructor(place: Place) {
    this.#place = place;
  }

  /** Takes the fleet. @param only of this cluster. @returns whether that is news. */
  set(fleet: Fleet | undefined, only?: string): boolean {
    if (only === undefined) {
      const isNews = fleet !== undefined || this.#fleet !== undefined;
      this.#fleet = fleet;
      return isNews;
    }
    if (fleet === undefined) return this.#fleets.delete(only);
    this.#fleets.set(only, fleet);
    return true;
  }

  /** @returns what this proxy uses of a cluster; undefined for all. */
  subsetOf(snapshot: ClusterSnapshot): SubsetColumns | undefined {
    const { locality, subset } = snapshot.settings.loadBalancing;
    const fleet = this.#fleet ?? this.#fleets.get(snapshot.name);
    if (!subset.enabled || fleet === undefined) return undefined;
    return subsetColumns(snapshot, tierGroups(snapshot, this.#place, locality), this.#place, fleet);
  }

  /** @returns what workers are told of a fleet. @param snapshots of the clusters that are to follow it. */
  message(snapshots: Iterable<ClusterSnapshot>, only?: string): FleetMessage {
    const subsets: [string, SubsetColumns][] = [];
    for (const snapshot of snapshots) {
      const subset = this.subsetOf(snapshot);
      if (subset !== undefined) subsets.push([snapshot.name, subset]);
    }
    const fleet = only === undefined ? this.#fleet : this.#fleets.get(only);
    return { kind: "fleet", cluster: only, fleet, subsets };
  }

  /** What a worker that knows nothing has to be told; what clusters use comes with them. */
  *messages(): Iterable<FleetMessage> {
    if (this.#fleet !== undefined) yield { kind: "fleet", fleet: this.#fleet };
    for (const [cluster, fleet] of this.#fleets) yield { kind: "fleet", cluster, fleet };
  }
}
