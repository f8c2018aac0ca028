import type { TieredPicker } from "../lb/tiered-picker.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { LabelRestriction } from "../resource/route.ts";

/** A cluster, as far as sets of its endpoints are made. */
interface LabelledCluster {
  readonly snapshot: ClusterSnapshot;
  readonly version: number;
  readonly tiered: TieredPicker;
  restricted(accept: (index: number) => boolean): TieredPicker;
}

/** Endpoints with certain labels. */
interface LabelledSet {
  readonly tiered: TieredPicker;
  readonly hasMembers: boolean;
  /** Whether one of them can serve. */
  readonly isFit: boolean;
}

/** Sets that are kept: values come from callers, and only those that some endpoint has are looked up twice. */
const MAX_SETS = 256;

/** The endpoints of a cluster by labels that routes ask for, with the pickers of each set. */
export class LabelledEndpoints {
  readonly #cluster: LabelledCluster;
  readonly #sets = new Map<string, LabelledSet>();
  #version = -1;

  constructor(cluster: LabelledCluster) {
    this.#cluster = cluster;
  }

  /**
   * @param header gives the call's value of a header.
   * @returns what to pick with; undefined when no endpoint has the labels and the route says that the call fails then.
   */
  find(
    { labels, fromHeaders, fallback }: LabelRestriction,
    header: (name: string) => string | undefined,
  ): TieredPicker | undefined {
    const wanted: [string, string][] = Object.entries(labels);
    for (const [label, name] of Object.entries(fromHeaders)) {
      const value = header(name);
      if (value === undefined) return this.#otherwise(fallback);
      wanted.push([label, value]);
    }
    const cluster = this.#cluster;
    if (this.#version !== cluster.version || this.#sets.size >= MAX_SETS) this.#sets.clear();
    this.#version = cluster.version;
    const key = JSON.stringify(wanted);
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = this.#make(wanted);
      this.#sets.set(key, set);
    }
    const isEnough = fallback === "any" ? set.isFit : set.hasMembers;
    return isEnough ? set.tiered : this.#otherwise(fallback);
  }

  #otherwise(fallback: LabelRestriction["fallback"]): TieredPicker | undefined {
    return fallback === "any" ? this.#cluster.tiered : undefined;
  }

  #make(wanted: readonly (readonly [string, string])[]): LabelledSet {
    const { snapshot } = this.#cluster;
    let hasMembers = false;
    const tiered = this.#cluster.restricted((index) => {
      const labels = snapshot.labelsAt(index);
      const isMember = wanted.every(([label, value]) => labels[label] === value);
      hasMembers ||= isMember;
      return isMember;
    });
    const isFit = tiered.tierSet.tiers.some(({ count, panic }) => count > 0 && !panic);
    return { tiered, hasMembers, isFit };
  }
}
