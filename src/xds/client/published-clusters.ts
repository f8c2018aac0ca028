import type { Cluster } from "../../resource/cluster.ts";
import { assembleCluster, emptyCluster } from "./assemble-cluster.ts";
import { HoldBack } from "./hold-back.ts";
import type { ResourceLookup } from "./resolve-authority.ts";

/** What {@link PublishedClusters} work with. */
export interface PublishedClustersOptions {
  readonly lookup: ResourceLookup;
  readonly holdBackMs: number;
  readonly nowMs: () => number;
  /** A first authority leads to a cluster: called before its {@link upsert}. */
  readonly onUse?: (name: string) => void;
  /** Whether the control plane says that the cluster was taken away on purpose. */
  readonly wasRemoved?: (name: string) => boolean;
  readonly upsert: (cluster: Cluster) => void;
  readonly remove: (name: string) => void;
  /** @param held endpoints that stay for now although an update took them away; 0: none any more. */
  readonly onHeldBack: (cluster: string, held: number) => void;
}

interface Published {
  readonly holdBack: HoldBack;
  users: number;
  held: number;
}

/** The clusters that some authority leads to: made of what is known of them, and held back where an update guts one. */
export class PublishedClusters {
  /** Everything is believed at once just now. */
  believesAll = false;
  readonly #options: PublishedClustersOptions;
  readonly #published = new Map<string, Published>();

  constructor(options: PublishedClustersOptions) {
    this.#options = options;
  }

  /** Clusters of which endpoints are held back, with their number. */
  *heldBack(): Iterable<readonly [string, number]> {
    for (const [name, { held }] of this.#published) if (held > 0) yield [name, held];
  }

  has(name: string): boolean {
    return this.#published.has(name);
  }

  /** Clusters that some authority leads to and whose load the control plane wants to know. */
  *reported(): Iterable<string> {
    for (const name of this.#published.keys())
      if (this.#options.lookup.cluster(name)?.value?.reportsLoad === true) yield name;
  }

  /** One more authority leads to it. */
  use(name: string): void {
    const known = this.#published.get(name);
    if (known !== undefined) {
      known.users++;
      return;
    }
    const holdBack = new HoldBack(this.#options.holdBackMs);
    const nothing = { held: 0, cluster: undefined, suspects: NOBODY, strangers: NOBODY };
    this.#published.set(name, { holdBack, users: 1, ...nothing });
    this.#options.onUse?.(name);
    this.update([name]);
  }

  /** One authority less leads to it. */
  unuse(name: string): void {
    const published = this.#published.get(name);
    if (published === undefined || --published.users > 0) return;
    this.#published.delete(name);
    this.#options.remove(name);
  }

  /** Something is new about it; nothing happens where no authority leads to it. */
  update(name: string): void {
    const published = this.#published.get(name);
    const made = published === undefined ? undefined : this.#make(name);
    if (published === undefined || made === undefined) return;
    const { upsert, nowMs, onHeldBack } = this.#options;
    const given = published.holdBack.update(made.cluster, made.deliberate || this.believesAll, nowMs());
    const before = published.held;
    published.held = given.held;
    upsert(given.cluster);
    if (given.held !== before) onHeldBack(name, given.held);
  }

  /** Believes what is held back. @param wanted whether that of a cluster. @returns names of the clusters that this changed. */
  release(wanted: (name: string, dueMs: number) => boolean): string[] {
    const released: string[] = [];
    for (const [name, published] of this.#published) {
      const { dueMs } = published.holdBack;
      if (dueMs === undefined || !wanted(name, dueMs)) continue;
      published.held = 0;
      this.#options.upsert(published.holdBack.release()!.cluster);
      released.push(name);
      this.#options.onHeldBack(name, 0);
    }
    return released;
  }

  /** @returns undefined as long as its endpoints are asked for. */
  #make(name: string): Made | undefined {
    const { lookup } = this.#options;
    const entry = lookup.cluster(name);
    const resource = entry?.value;
    if (resource === undefined) {
      const isDeliberate = this.#options.wasRemoved?.(name) === true;
      return { cluster: emptyCluster(name), isDeliberate, isFromDisk: false };
    }
    const { assignment, assignmentName } = resource;
    if (assignment !== undefined)
      return {
        cluster: assembleCluster(resource, assignment),
        isDeliberate: false,
        isFromDisk: entry?.fromDisk === true,
      };
    const assigned = lookup.loadAssignment(assignmentName);
    if (assigned === undefined || assigned.state === "asked") return undefined;
    return {
      cluster: assembleCluster(resource, assigned.value),
      isDeliberate: assigned.deliberate,
      isFromDisk: assigned.fromDisk,
    };
  }
}
