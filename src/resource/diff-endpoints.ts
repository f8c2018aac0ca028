import type { ClusterSnapshot } from "./cluster-snapshot.ts";

/** What an update of a cluster changed. Endpoints are the same when slot and generation are. */
export interface EndpointDiff {
  /** Indexes in the new version of endpoints the old one does not have. */
  readonly added: readonly number[];
  /** Indexes in the old version of endpoints the new one no longer has: these drain, then their slots are released. */
  readonly removed: readonly number[];
  /** Number of endpoints in both: their connections, load and counters go on. */
  readonly keptCount: number;
}

/** @param previous undefined when the cluster is new: then all of `next` is added. */
export function diffEndpoints(previous: ClusterSnapshot | undefined, next: ClusterSnapshot): EndpointDiff {
  const generationBySlot = new Map<number, number>();
  for (let i = 0; i < next.count; i++) generationBySlot.set(next.slotAt(i), next.generationAt(i));
  const removed: number[] = [];
  const kept = new Set<number>();
  for (let i = 0; previous !== undefined && i < previous.count; i++) {
    const slot = previous.slotAt(i);
    if (generationBySlot.get(slot) === previous.generationAt(i)) kept.add(slot);
    else removed.push(i);
  }
  const added: number[] = [];
  for (let i = 0; i < next.count; i++) if (!kept.has(next.slotAt(i))) added.push(i);
  return { added, removed, keptCount: kept.size };
}
