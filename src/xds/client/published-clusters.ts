import type { Cluster } from "../../resource/cluster.ts";
import type { Endpoint } from "../../resource/endpoint.ts";
import { AddressOwners } from "./address-owners.ts";
import { assembleCluster, emptyCluster } from "./assemble-cluster.ts";
import type { HeldCluster } from "./hold-back.ts";
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
  /** Suspect endpoints of a cluster get nothing any more, because somebody else has their addresses. */
  readonly onStrangers: (cluster: string, addresses: readonly string[]) => void;
  /** Clusters that somebody else has made known, whose endpoints have their addresses too. */
  readonly others: () => Iterable<Cluster>;
}

interface Published {
  readonly holdBack: HoldBack;
  users: number;
  held: number;
  /** What is in use, suspects included. */
  cluster: Cluster | undefined;
  /** Keys of endpoints that are held back, or that only the disk knows. */
  suspects: ReadonlySet<string>;
  /** All of it is known from disk alone. */
  isFromDisk: boolean;
  /** Those of them whose addresses somebody else has by now; they stay out for as long as they are suspect. */
  strangers: ReadonlySet<string>;
}

/** A cluster as the control plane, or the disk, has it. */
interface Made {
  readonly cluster: Cluster;
  readonly isDeliberate: boolean;
  readonly isFromDisk: boolean;
}

const NOBODY: ReadonlySet<string> = new Set();

/**
 * The clusters that some authority leads to: made of what is known of them, and held back where an update guts one. What is held back, or known from
 * disk alone, is suspect: it gets nothing from the moment on at which anybody else is known to have its address.
 */
export class PublishedClusters {
  /** What the disk alone knows is too old to be connected to. */
  #isDiskTooOld = false;
  readonly #options: PublishedClustersOptions;
  readonly #published = new Map<string, Published>();
  /** Names of those with suspects. */
  readonly #suspected = new Set<string>();

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
    const nothing = { held: 0, cluster: undefined, suspects: NOBODY, isFromDisk: false, strangers: NOBODY };
    this.#published.set(name, { holdBack, users: 1, ...nothing });
    this.#options.onUse?.(name);
    this.update([name]);
  }

  /** One authority less leads to it. */
  unuse(name: string): void {
    const published = this.#published.get(name);
    if (published === undefined || --published.users > 0) return;
    this.#published.delete(name);
    this.#suspected.delete(name);
    this.#options.remove(name);
  }

  /** Something is new about these; nothing happens where no authority leads to one. */
  update(names: Iterable<string>): void {
    const changed = new Set<string>();
    for (const name of names) {
      const published = this.#published.get(name);
      const made = published === undefined ? undefined : this.#make(name);
      if (published === undefined || made === undefined) continue;
      const given = published.holdBack.update(made.cluster, made.isDeliberate, this.#options.nowMs());
      const suspects = made.isFromDisk ? given.cluster.endpoints : given.held;
      published.isFromDisk = made.isFromDisk;
      this.#take(name, published, given, suspects);
      changed.add(name);
    }
    this.#publish(changed);
  }

  /** From now on nothing is connected to that the disk alone knows; connections that stand are used. @returns names of the clusters this is about. */
  expireDisk(): string[] {
    this.#isDiskTooOld = true;
    const names = [...this.#published].filter(([, { isFromDisk }]) => isFromDisk).map(([name]) => name);
    this.#publish(new Set(names));
    return names;
  }

  /** Others have made something known. */
  othersChanged(): void {
    this.#publish(new Set());
  }

  /** Believes what is held back. @param wanted whether that of a cluster. @returns names of the clusters that this changed. */
  release(wanted: (name: string, dueMs: number) => boolean): string[] {
    const released = new Set<string>();
    for (const [name, published] of this.#published) {
      const { dueMs } = published.holdBack;
      if (dueMs === undefined || !wanted(name, dueMs)) continue;
      const given = published.holdBack.release()!;
      this.#take(name, published, given, given.held);
      released.add(name);
    }
    this.#publish(released);
    return [...released];
  }

  #take(
    name: string,
    published: Published,
    { cluster, held }: HeldCluster,
    suspects: readonly Endpoint[],
  ): void {
    published.cluster = cluster;
    published.suspects = suspects.length === 0 ? NOBODY : new Set(suspects.map(({ key }) => key));
    if (suspects.length === 0) {
      this.#suspected.delete(name);
      published.strangers = NOBODY;
    } else this.#suspected.add(name);
    const before = published.held;
    published.held = held.length;
    if (held.length !== before) this.#options.onHeldBack(name, held.length);
  }

  /** Hands these on, and those whose suspects somebody else's endpoints have turned up at: all at once, so that none is used in between. */
  #publish(changed: Set<string>): void {
    if (this.#suspected.size > 0) for (const name of this.#findStrangers()) changed.add(name);
    for (const name of changed) {
      const { cluster, strangers, isFromDisk } = this.#published.get(name)!;
      if (cluster === undefined) continue;
      const used =
        strangers.size === 0
          ? cluster
          : { ...cluster, endpoints: cluster.endpoints.filter(({ key }) => !strangers.has(key)) };
      const isTooOld = isFromDisk && this.#isDiskTooOld;
      this.#options.upsert(isTooOld ? { ...used, maxConnectionsPerEndpoint: 0 } : used);
    }
  }

  /** @returns names of the clusters that have strangers which they did not have before. */
  *#findStrangers(): Iterable<string> {
    const owners = new AddressOwners();
    for (const { cluster, suspects } of this.#published.values())
      if (cluster !== undefined) owners.add(cluster, suspects);
    for (const cluster of this.#options.others())
      if (!this.#published.has(cluster.name)) owners.add(cluster, NOBODY);
    for (const name of this.#suspected) {
      const published = this.#published.get(name)!;
      const { cluster, suspects, strangers } = published;
      const found = (cluster?.endpoints ?? []).filter(
        (endpoint) =>
          suspects.has(endpoint.key) && !strangers.has(endpoint.key) && owners.hasOther(endpoint, name),
      );
      if (found.length === 0) continue;
      published.strangers = new Set([...strangers, ...found.map(({ key }) => key)]);
      this.#options.onStrangers(
        name,
        found.map(({ address }) => address),
      );
      yield name;
    }
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
