import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { SentLoad } from "../xds/client/load-reader.ts";
import { endpointHash } from "../xds/resources/service-view.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";

/**
 * Takes what a control plane knows of the whole fleet's load, and puts it where every worker's picks read it: into shared memory, so that
 * no message goes to a worker. Each report replaces the one before. Picks forget it by a time constant of 200 ms, counted
 * from when it was so; tiers are compared by it until all reports are older than 4 seconds. So a control plane that goes silent leaves
 * nothing behind; it should report every second or two, zeros included. What is sent to endpoints by callers that report nothing is in nobody's report.
 *
 * On the main thread.
 */
export class PeerReports {
  readonly #find: (cluster: string) => PublishedCluster | undefined;
  readonly #counters: EndpointCounters;
  readonly #nowMs: () => number;
  /** What endpoints are called in reports, by index in the snapshot. */
  readonly #hashes = new WeakMap<ClusterSnapshot, Uint32Array>();

  /**
   * @param find a cluster in force, by its name: of a ClusterPublisher.
   * @param nowMs the clock that all threads share.
   */
  constructor(
    find: (cluster: string) => PublishedCluster | undefined,
    counters: EndpointCounters,
    nowMs: () => number,
  ) {
    this.#find = find;
    this.#counters = counters;
    this.#nowMs = nowMs;
  }

  /**
   * @param streams in flight from all who report, this proxy included, by {@link endpointHash}; endpoints that are not in it have none.
   * @param own what of that is this proxy's; undefined: nothing.
   * @param ageMs how long ago the streams were counted; of means over a while the middle of it. The older they are, the less endpoints are
   *   compared by them.
   * @returns the streams of all others together; undefined where there is no such cluster.
   */
  take(
    clusterName: string,
    streams: ReadonlyMap<number, number>,
    own: SentLoad | undefined,
    ageMs: number,
  ): number | undefined {
    const snapshot = this.#find(clusterName)?.snapshot;
    if (snapshot === undefined) return undefined;
    const hashes = this.#hashesOf(snapshot);
    const ownStreams = own === undefined ? undefined : inOrderOf(snapshot, own);
    const atMs = this.#nowMs() - ageMs;
    const { measures } = this.#counters;
    let sum = 0;
    for (let index = 0; index < hashes.length; index++) {
      const all = streams.get(hashes[index]!) ?? 0;
      const others = Math.max(0, all - (ownStreams?.[index] ?? 0));
      measures.peerInFlight(snapshot.slotAt(index), others, atMs);
      sum += others;
    }
    return sum;
  }

  #hashesOf(snapshot: ClusterSnapshot): Uint32Array {
    let hashes = this.#hashes.get(snapshot);
    if (hashes === undefined) {
      hashes = Uint32Array.from({ length: snapshot.count }, (_, index) =>
        endpointHash(snapshot.addressAt(index), snapshot.portAt(index)),
      );
      this.#hashes.set(snapshot, hashes);
    }
    return hashes;
  }
}

/** The cluster may have other endpoints by now than when it was counted. */
function inOrderOf(snapshot: ClusterSnapshot, own: SentLoad): Int32Array {
  if (own.snapshot === snapshot) return own.inFlight;
  const bySlot = new Map<number, number>();
  for (let index = 0; index < own.inFlight.length; index++)
    if (own.inFlight[index]! > 0) bySlot.set(own.snapshot.slotAt(index), own.inFlight[index]!);
  return Int32Array.from({ length: snapshot.count }, (_, index) => bySlot.get(snapshot.slotAt(index)) ?? 0);
}
