import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";

/** What the other proxies of the fleet have in flight at one endpoint. */
export interface PeerReport {
  /** The endpoint's identity (resource/endpoint.ts, endpointKey). */
  readonly endpointKey: string;
  /** Streams open there from all other proxies together, without this one's own; 0 or more. */
  readonly streams: number;
}

/**
 * Takes what a control plane knows of the whole fleet's load, and puts it where every worker's picks read it: into shared memory, so that
 * no message goes to a worker. Each report replaces the one before for that endpoint. Picks forget it by a time constant of 200 ms, counted
 * from when it was so; tiers are compared by it until all reports are older than 4 seconds. So a control plane that goes silent leaves
 * nothing behind; it should report every second or sooner, zeros included. What is sent to endpoints by callers that are no proxies is in nobody's report.
 *
 * On the main thread.
 */
export class PeerReports {
  readonly #published: { readonly clusters: Iterable<PublishedCluster> };
  readonly #counters: EndpointCounters;
  readonly #nowMs: () => number;
  /** Slot by endpoint key, per snapshot. */
  readonly #slots = new WeakMap<ClusterSnapshot, ReadonlyMap<string, number>>();

  /**
   * @param published the clusters in force: a ClusterPublisher.
   * @param nowMs the clock that all threads share.
   */
  constructor(
    published: { readonly clusters: Iterable<PublishedCluster> },
    counters: EndpointCounters,
    nowMs: () => number,
  ) {
    this.#published = published;
    this.#counters = counters;
    this.#nowMs = nowMs;
  }

  /**
   * @param ageMs how long ago the streams were counted; of means over a while the middle of it. The older they are, the less endpoints are
   *   compared by them.
   * @returns how many were taken: the others name endpoints that are not there, or no number of streams.
   */
  take(clusterName: string, reports: Iterable<PeerReport>, ageMs: number): number {
    const slots = this.#slotsOf(clusterName);
    if (slots === undefined) return 0;
    const atMs = this.#nowMs() - ageMs;
    let taken = 0;
    for (const { endpointKey, streams } of reports) {
      const slot = slots.get(endpointKey);
      if (slot === undefined || !(streams >= 0) || streams === Number.POSITIVE_INFINITY) continue;
      this.#counters.measures.peerInFlight(slot, streams, atMs);
      taken++;
    }
    return taken;
  }

  #slotsOf(clusterName: string): ReadonlyMap<string, number> | undefined {
    for (const { snapshot } of this.#published.clusters) {
      if (snapshot.name !== clusterName) continue;
      let slots = this.#slots.get(snapshot);
      if (slots === undefined) {
        const indexes = Array.from({ length: snapshot.count }, (_, index) => index);
        slots = new Map(indexes.map((index) => [snapshot.keyAt(index), snapshot.slotAt(index)]));
        this.#slots.set(snapshot, slots);
      }
      return slots;
    }
    return undefined;
  }
}
