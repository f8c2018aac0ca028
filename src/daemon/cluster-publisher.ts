import { monotonicClock } from "../base/clock.ts";
import type { ClusterSink } from "../discovery/cluster-sink.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { AssignedSlots, EndpointChanges } from "../resource/cluster-slots.ts";
import { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../resource/encode-cluster-snapshot.ts";
import type { Fleet } from "../resource/fleet.ts";
import { SlotLimitError } from "../resource/slot-limit-error.ts";
import type { SlotRegistry } from "../resource/slot-registry.ts";
import { ClusterCounters } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import { GarbageTrim } from "./garbage-trim.ts";
import type { OwnSockets } from "./own-sockets.ts";
import type { ClusterMessage, MainToWorker } from "./worker-messages.ts";

/** A cluster as the workers have it. */
export interface PublishedCluster {
  readonly cluster: Cluster;
  readonly snapshot: ClusterSnapshot;
  readonly counters: ClusterCounters;
}

/** @returns the message that gives the cluster to a worker. @param changes for one that has the version before. */
export function clusterMessage(
  { snapshot, counters }: PublishedCluster,
  changes?: EndpointChanges | undefined,
): ClusterMessage {
  return {
    kind: "cluster",
    snapshot: snapshot.buffer as SharedArrayBuffer,
    counters: counters.buffer,
    changes,
  };
}

/** What a {@link ClusterPublisher} works with. */
export interface ClusterPublisherOptions {
  readonly slots: SlotRegistry;
  readonly endpointCounters: EndpointCounters;
  readonly workerCount: number;
  /** Sends to every worker. */
  readonly broadcast: (message: MainToWorker) => void;
  /** Told what the workers have just been sent. */
  readonly onPublished: (published: PublishedCluster) => void;
  readonly onRemoved: (clusterName: string) => void;
  /** Told what the fleet is to a cluster from now on, as a control plane knows it. */
  readonly onFleet?: (clusterName: string, fleet: Fleet | undefined) => void;
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
  readonly #fleets = new Map<string, Fleet>();
  readonly #trim = new GarbageTrim();
  /** By endpoint slot: its zone, as announced. */
  readonly #zones: string[] = [];

  constructor(options: ClusterPublisherOptions) {
    this.#options = options;
  }

  /** What is counted of the endpoints. */
  get endpointCounters(): EndpointCounters {
    return this.#options.endpointCounters;
  }

  /** Takes the fleet that one cluster's subsets are made of; undefined: there is none. */
  setFleet(clusterName: string, fleet: Fleet | undefined): void {
    if (fleet === undefined && !this.#fleets.delete(clusterName)) return;
    if (fleet !== undefined) this.#fleets.set(clusterName, fleet);
    this.#options.broadcast({ kind: "fleet", cluster: clusterName, fleet });
    this.#options.onFleet?.(clusterName, fleet);
  }

  /** All that workers have been told and that still holds, for one that knows nothing yet. */
  *messages(): Iterable<MainToWorker> {
    for (const [cluster, fleet] of this.#fleets) yield { kind: "fleet", cluster, fleet };
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
    const { cluster, left } = this.#options.ownSockets?.leaveOut(discovered) ?? {
      cluster: discovered,
      left: [],
    };
    if (left.length > 0) this.#options.onLoop?.(cluster.name, left);
    const { slots, workerCount, broadcast } = this.#options;
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
    const counters = former?.counters ?? new ClusterCounters(workerCount);
    const published = { cluster, snapshot, counters };
    this.#published.set(cluster.name, published);
    this.#trim.changed();
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
