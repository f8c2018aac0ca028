import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { EndpointCounters } from "../../telemetry/endpoint-counters.ts";
import type { ClusterStats, EndpointStats, LocalityStats } from "../load/encode-load-stats.ts";

/** A cluster whose load is read. */
export interface CountedCluster {
  readonly snapshot: ClusterSnapshot;
  /** Attempts of the whole cluster, so that one with none since need not be looked at; NaN where they are not counted. */
  readonly attempts: number;
}

/** What this proxy had in flight at a cluster's endpoints when it last reported. */
export interface SentLoad {
  readonly snapshot: ClusterSnapshot;
  /** By index in the snapshot. */
  readonly inFlight: Int32Array;
}

/** What was read of one cluster: by index in its snapshot. */
interface Reading extends SentLoad {
  readonly atMs: number;
  readonly requests: Float64Array;
  readonly errors: Float64Array;
  /** Attempts of the whole cluster. */
  readonly attempts: number;
  /** Requests begun per second since the reading before. */
  readonly requestsPerSecond: number;
  /** What was said; undefined: nothing. */
  readonly sent: SentLoad | undefined;
  readonly sentBefore: SentLoad | undefined;
}

/**
 * Reads off the counters what requests have come to at each endpoint since it was last read, for reports of load. Who counts does not notice.
 */
export class LoadReader {
  readonly #find: (cluster: string) => CountedCluster | undefined;
  readonly #counters: EndpointCounters;
  readonly #nowMs: () => number;
  readonly #readings = new Map<string, Reading>();

  /** @param nowMs on a clock that does not jump. */
  constructor(
    find: (cluster: string) => CountedCluster | undefined,
    counters: EndpointCounters,
    nowMs: () => number,
  ) {
    this.#find = find;
    this.#counters = counters;
    this.#nowMs = nowMs;
  }

  /** @returns what there is to say of these clusters; others are forgotten. */
  read(clusters: Iterable<string>): readonly ClusterStats[] {
    this.#counters.latencies.want();
    const nowMs = this.#nowMs();
    const stats: ClusterStats[] = [];
    const named = new Set<string>();
    for (const name of clusters) {
      named.add(name);
      const counted = this.#find(name);
      const said = counted === undefined ? undefined : this.#readOne(name, counted, nowMs);
      if (said !== undefined) stats.push(said);
    }
    for (const name of this.#readings.keys()) if (!named.has(name)) this.#readings.delete(name);
    return stats;
  }

  /** @returns requests begun per second between the last two readings; 0 where there are none. */
  rateOf(cluster: string): number {
    return this.#readings.get(cluster)?.requestsPerSecond ?? 0;
  }

  /** @returns what a reading at this time or the last one before it has reported in flight; undefined where that was nothing. */
  sentOf(cluster: string, beforeMs: number): SentLoad | undefined {
    const last = this.#readings.get(cluster);
    return last === undefined || last.atMs <= beforeMs ? last?.sent : last.sentBefore;
  }

  /** What was read has not arrived, or counts no more: the next reading begins anew. */
  forget(): void {
    this.#readings.clear();
  }

  #readOne(name: string, { snapshot, attempts }: CountedCluster, nowMs: number): ClusterStats | undefined {
    const before = this.#readings.get(name);
    // Nothing since, and nothing under way: nobody has to look at its endpoints.
    if (before?.snapshot === snapshot && before.attempts === attempts && before.sent === undefined) {
      this.#readings.set(name, { ...before, atMs: nowMs, requestsPerSecond: 0, sentBefore: undefined });
      return undefined;
    }
    const { count } = snapshot;
    const requests = new Float64Array(count);
    const errors = new Float64Array(count);
    const inFlight = new Int32Array(count);
    const former = before === undefined ? null : sameIndexes(before, snapshot);
    const places = new Map<string, LocalityStats & { readonly endpoints: EndpointStats[] }>();
    let begun = 0;
    for (let index = 0; index < count; index++) {
      const slot = snapshot.slotAt(index);
      requests[index] = this.#counters.requestsOf(slot);
      errors[index] = this.#counters.errorsOf(slot);
      // A row that a dead worker left may be read in between.
      inFlight[index] = Math.max(0, this.#counters.inFlightOf(slot));
      const at = former === null ? index : former[index]!;
      // What was before the first reading was in nobody's interval.
      const issued = before === undefined ? 0 : since(requests[index]!, before.requests[at] ?? 0);
      const failed = before === undefined ? 0 : since(errors[index]!, before.errors[at] ?? 0);
      const ended = Math.max(0, issued + (before?.inFlight[at] ?? 0) - inFlight[index]!);
      const latencies = this.#counters.latencies.take(slot);
      const setAside = this.#counters.asideReasons(slot);
      if (issued === 0 && ended === 0 && failed === 0 && inFlight[index] === 0 && setAside === 0) continue;
      begun += issued;
      placeOf(places, snapshot, index).endpoints.push({
        address: snapshot.addressAt(index),
        port: snapshot.portAt(index),
        issued,
        successes: Math.max(0, ended - failed),
        errors: failed,
        inFlight: inFlight[index]!,
        latencies: before === undefined ? undefined : latencies,
        setAside,
      });
    }
    const intervalMs = nowMs - (before?.atMs ?? nowMs);
    const isBusy = places.size > 0;
    this.#readings.set(name, {
      snapshot,
      inFlight,
      atMs: nowMs,
      requests,
      errors,
      attempts,
      requestsPerSecond: intervalMs > 0 ? (begun * 1_000) / intervalMs : 0,
      sent: isBusy ? { snapshot, inFlight } : undefined,
      sentBefore: before?.sent,
    });
    return isBusy ? { name, intervalMs, localities: [...places.values()] } : undefined;
  }
}

function placeOf(
  places: Map<string, LocalityStats & { readonly endpoints: EndpointStats[] }>,
  snapshot: ClusterSnapshot,
  index: number,
): { readonly endpoints: EndpointStats[] } {
  const [region, zone, priority] = [
    snapshot.regionAt(index),
    snapshot.zoneAt(index),
    snapshot.priorityAt(index),
  ];
  const key = `${priority}|${region}|${zone}`;
  let place = places.get(key);
  if (place === undefined) {
    place = { region, zone, priority, endpoints: [] };
    places.set(key, place);
  }
  return place;
}

/** @returns by index in `now` the index in a former reading, -1 for none; null where they are the same. */
function sameIndexes({ snapshot: former }: Reading, now: ClusterSnapshot): Int32Array | null {
  if (former === now) return null;
  const indexes = new Map<number, number>();
  for (let index = 0; index < former.count; index++) indexes.set(former.slotAt(index), index);
  return Int32Array.from({ length: now.count }, (_, index) => {
    const at = indexes.get(now.slotAt(index)) ?? -1;
    // The slot may be another endpoint's by now, whose counts began at 0.
    return at >= 0 && former.generationAt(at) === now.generationAt(index) ? at : -1;
  });
}

/** Counters only grow, unless they were cleared. */
function since(now: number, before: number): number {
  return now >= before ? now - before : now;
}
