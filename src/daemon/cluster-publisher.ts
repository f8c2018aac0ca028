import { monotonicClock } from "../base/clock.ts";
import type { ClusterSink } from "../discovery/cluster-sink.ts";
import type { SubsetColumns } from "../lb/subset/subset-columns.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { AssignedSlots, EndpointChanges } from "../resource/cluster-slots.ts";
import { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../resource/encode-cluster-snapshot.ts";
import type { Fleet } from "../resource/fleet.ts";
import { SlotLimitError } from "../resource/slot-limit-error.ts";
import type { SlotRegistry } from "../resource/slot-registry.ts";
import { ClusterCounters } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import { FleetSubsets } from "./fleet-subsets.ts";
import { GarbageTrim } from "./garbage-trim.ts";
import type { OwnPlace } from "./own-place.ts";
import type { OwnSockets } from "./own-sockets.ts";
import type { ClusterMessage, MainToWorker } from "./worker-messages.ts";

/** A cluster as the workers have it. */
export interface PublishedCluster {
  readonly cluster: Cluster;
  readonly snapshot: ClusterSnapshot;
  readonly counters: ClusterCounters;
  /** What this proxy of a fleet uses of it; undefined for all. */
  readonly subset?: SubsetColumns | undefined;
}

/** @returns the message that gives the cluster to a worker. @param changes for one that has the version before. */
export function clusterMessage(
  { snapshot, counters, subset }: PublishedCluster,
  changes?: EndpointChanges | undefined,
): ClusterMessage {
  return {
    kind: "cluster",
    snapshot: snapshot.buffer as SharedArrayBuffer,
    counters: counters.buffer,
    changes,
    subset,
  };
}

/** What a {@link ClusterPublisher} works with. */
export interface ClusterPublisherOptions {
  readonly slots: SlotRegistry;
  readonly endpointCounters: EndpointCounters;
  readonly workerCount: number;
  /** Whether callers are known, so that requests are counted by their namespaces; default: no. */
  readonly knowsCallers?: boolean;
  /** Sends to every worker. */
  readonly broadcast: (message: MainToWorker) => void;
  /** Told what the workers have just been sent. */
  readonly onPublished: (published: PublishedCluster) => void;
  readonly onRemoved: (clusterName: string) => void;
  /** Told what the fleet is to a cluster from now on, as a control plane knows it. */
  readonly onFleet?: (fleet: Fleet | undefined, clusterName?: string) => void;
  /** Where this proxy runs; default: nowhere. */
  readonly place?: OwnPlace;
  /** Called after every {@link ClusterSink.complete}. */
  readonly onComplete: () => void;
  /** Takes out endpoints that are this process itself. */
  readonly ownSockets?: OwnSockets;
  /** Told of endpoints that were left out because of it. */
  readonly onLoop?: (clusterName: string, addresses: readonly string[]) => void;
  /** Told when an update was refused because slots ran out; the former version serves on. */
  readonly onRefused: (clusterName: string, reason: string) => void;
}

/** Hands clusters to the workers: gives slots, encodes, and sends only what differs from what they have. */
export class ClusterPublisher implements ClusterSink {
  readonly #options: ClusterPublisherOptions;
  readonly #published = new Map<string, PublishedCluster>();
  readonly #fleets: FleetSubsets;
  readonly #trim = new GarbageTrim();
  /** By endpoint slot: its zone, as announced. */
  readonly #zones: string[] = [];

  constructor(options: ClusterPublisherOptions) {
    this.#options = options;
    this.#fleets = new FleetSubsets(options.place ?? { node: "", zone: "", region: "" });
  }

  /** What is counted of the endpoints. */
  get endpointCounters(): EndpointCounters {
    return this.#options.endpointCounters;
  }

  /** Takes the fleet that subsets are made of; undefined: there is none. @param only those of this cluster; default: what the file has, for all. */
  setFleet(fleet: Fleet | undefined, only?: string): void {
    if (!this.#fleets.set(fleet, only)) return;
    const concerned: ClusterSnapshot[] = [];
    for (const [name, published] of this.#published) {
      if (only !== undefined && name !== only) continue;
      const { snapshot } = published;
      if (!snapshot.settings.loadBalancing.subset.enabled) continue;
      concerned.push(snapshot);
    }
    const message = this.#fleets.message(concerned, only);
    const subsets = new Map(message.subsets);
    for (const { name } of concerned) {
      this.#published.set(name, { ...this.#published.get(name)!, subset: subsets.get(name) });
    }
    this.#options.broadcast(message);
    this.#options.onFleet?.(fleet, only);
  }

  /** It is known that this proxy runs elsewhere than was thought. */
  placeChanged(): void {
    const { place, broadcast } = this.#options;
    if (place?.message !== undefined) broadcast(place.message);
  }

  /** All that workers have been told and that still holds, for one that knows nothing yet. */
  *messages(): Iterable<MainToWorker> {
    const { place } = this.#options;
    if (place?.message !== undefined) yield place.message;
    yield* this.#fleets.messages();
    for (const published of this.#published.values()) yield clusterMessage(published);
  }

  /** What the workers have now, in the order in which the names first came. */
  get clusters(): Iterable<PublishedCluster> {
    return this.#published.values();
  }

  /** @returns what the workers have of a cluster. */
  find(name: string): PublishedCluster | undefined {
    return this.#published.get(name);
  }

  upsert(discovered: Cluster): void {
    // What comes to nothing new leaves as much behind.
    this.#trim.changed();
    const { cluster, left } = this.#options.ownSockets?.leaveOut(discovered) ?? {
      cluster: discovered,
      left: [],
    };
    if (left.length > 0) this.#options.onLoop?.(cluster.name, left);
    const { slots, workerCount, knowsCallers, broadcast } = this.#options;
    const former = this.#published.get(cluster.name);
    let assigned: AssignedSlots;
    try {
      assigned = slots.assign(cluster);
    } catch (error) {
      if (!(error instanceof SlotLimitError)) throw error;
      this.#options.onRefused(cluster.name, error.message);
      return;
    }
    const snapshot = new ClusterSnapshot(encodeClusterSnapshot(cluster, assigned));
    if (former?.snapshot.contentHash === snapshot.contentHash) return;
    this.#welcome(snapshot, assigned.changes.joined, former !== undefined && former.snapshot.count > 0);
    const moved = this.#moved(cluster, assigned);
    const counters = former?.counters ?? new ClusterCounters(workerCount, undefined, knowsCallers);
    const published = { cluster, snapshot, counters, subset: this.#fleets.subsetOf(snapshot) };
    this.#published.set(cluster.name, published);
    broadcast(clusterMessage(published, former && { ...assigned.changes, moved }));
    this.#options.onPublished(published);
  }

  remove(name: string): void {
    const { slots, broadcast } = this.#options;
    if (!this.#published.delete(name)) return;
    const clusterSlot = slots.remove(name);
    broadcast({ kind: "cluster-removed", clusterSlot });
    this.#options.onRemoved(name);
  }

  complete(): void {
    this.#options.broadcast({ kind: "snapshot-complete" });
    this.#options.onComplete();
  }

  /**
   * A slot with a new generation belongs to another endpoint than the numbers in its cells. One that joins others is new to traffic, too;
   * those that a cluster begins with have been there before this process was.
   */
  #welcome(snapshot: ClusterSnapshot, joined: Int32Array, joinsOthers: boolean): void {
    const { endpointCounters } = this.#options;
    const { measures } = endpointCounters;
    for (const index of joined) {
      const slot = snapshot.slots[index]!;
      // What nobody has had is clear, and takes no memory before it is written to.
      if (snapshot.generationAt(index) > 1) endpointCounters.clearSlot(slot);
      if (joinsOthers) measures.rampFrom(slot, monotonicClock.nowMs());
    }
  }

  /** @returns the endpoints that were announced in another zone, by their index. */
  #moved({ endpoints }: Cluster, { endpointSlots, changes }: AssignedSlots): Int32Array {
    for (const index of changes.joined) this.#zones[endpointSlots[index]!] = endpoints[index]!.zone;
    const moved: number[] = [];
    for (let i = 0; i < endpoints.length; i++) {
      const { zone } = endpoints[i]!;
      if (this.#zones[endpointSlots[i]!] === zone) continue;
      this.#zones[endpointSlots[i]!] = zone;
      moved.push(i);
    }
    return Int32Array.from(moved);
  }
}
