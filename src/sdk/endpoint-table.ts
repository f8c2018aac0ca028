import { FailurePenalty } from "../lb/outlier/failure-penalty.ts";
import { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import type { Cluster } from "../resource/cluster.ts";
import { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../resource/encode-cluster-snapshot.ts";
import type { SetAside } from "../resource/set-aside.ts";
import { MAX_ENDPOINT_SLOTS, SlotRegistry } from "../resource/slot-registry.ts";
import { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { CallHold } from "./call-hold.ts";
import type { ListedEndpoint } from "./listed-endpoint.ts";

/** The one thread there is: its index as a worker, and its row. */
export const OWN_ROW = 0;

/**
 * All endpoints of a process by slot, with what is counted and measured about them: the same memory that workers of a proxy have, for one
 * thread. A slot goes to another endpoint only when no call of its former one is left.
 */
export class EndpointTable {
  readonly counters: EndpointCounters = new EndpointCounters(1);
  readonly outcomes: SharedOutcomes = new SharedOutcomes(1);
  readonly penalty: FailurePenalty = new FailurePenalty(MAX_ENDPOINT_SLOTS);
  /** Failures in a row by slot. */
  readonly streaks: Uint16Array = new Uint16Array(MAX_ENDPOINT_SLOTS);
  readonly #registry = new SlotRegistry({ workerCount: 1 });
  readonly #listed: (ListedEndpoint | undefined)[] = [];
  readonly #released = new Set<number>();
  #holds: CallHold[] = [];

  /** @returns who has a slot now; undefined when nobody does, or who did is no longer listed. */
  at(slot: number): ListedEndpoint | undefined {
    return this.#listed[slot];
  }

  /**
   * Takes a cluster's endpoints.
   *
   * @param former what there was of it; endpoints that join others are new to traffic.
   * @throws SlotLimitError when there are too many; nothing has changed then.
   */
  list(cluster: Cluster, former: ClusterSnapshot | undefined, nowMs: number): ClusterSnapshot {
    const snapshot = new ClusterSnapshot(encodeClusterSnapshot(cluster, this.#registry.assign(cluster)));
    const joins = former !== undefined && former.count > 0;
    const kept = new Set<number>();
    for (let i = 0; i < snapshot.count; i++) {
      const slot = snapshot.slotAt(i);
      kept.add(slot);
      if (this.#listed[slot]?.generation !== snapshot.generationAt(i)) this.#meet(snapshot, i, joins, nowMs);
    }
    if (former !== undefined) this.#release(former, kept);
    return snapshot;
  }

  /** Forgets a cluster. */
  remove(snapshot: ClusterSnapshot): void {
    const clusterSlot = this.#registry.remove(snapshot.name);
    this.#release(snapshot, new Set());
    // Nothing here goes by cluster slots.
    if (clusterSlot >= 0) this.#registry.acknowledge(OWN_ROW, [], [clusterSlot]);
  }

  /** One more stream at an endpoint, for as long as the hold says. */
  hold(hold: CallHold): void {
    this.counters.inFlight[hold.slot]!++;
    this.#holds.push(hold);
  }

  /** One stream less; nothing where that was so already. */
  letGo(hold: CallHold): void {
    if (!hold.isHeld) return;
    hold.isHeld = false;
    this.counters.inFlight[hold.slot]!--;
  }

  /** Gives up holds whose time has come, and slots that nothing uses any more. To be called several times a second. */
  sweep(nowMs: number): void {
    const left: CallHold[] = [];
    for (const hold of this.#holds) {
      if (!hold.isHeld || hold.untilMs === Number.POSITIVE_INFINITY) continue;
      if (nowMs < hold.untilMs) left.push(hold);
      else this.letGo(hold);
    }
    this.#holds = left;
    for (const slot of this.#released) {
      if (this.counters.inFlight[slot]! > 0) continue;
      this.#released.delete(slot);
      this.#registry.acknowledge(OWN_ROW, [slot]);
    }
  }

  /** Why an endpoint is set aside. */
  readonly verdict = (slot: number): SetAside => this.counters.asideReasons(slot);

  /** Sets an endpoint aside for a reason, or takes that back. @returns whether anything has changed. */
  markAside(slot: number, reason: SetAside, aside: boolean): boolean {
    const { counters } = this;
    const version = counters.setAsideVersion;
    counters.markAside(counters.rowStart(OWN_ROW), slot, reason, aside);
    return counters.setAsideVersion !== version;
  }

  #meet(snapshot: ClusterSnapshot, index: number, joins: boolean, nowMs: number): void {
    const slot = snapshot.slotAt(index);
    this.#listed[slot] = {
      slot,
      generation: snapshot.generationAt(index),
      key: snapshot.keyAt(index),
      address: snapshot.addressAt(index),
      port: snapshot.portAt(index),
    };
    this.counters.clearSlot(slot);
    this.penalty.clear(slot);
    this.streaks[slot] = 0;
    const { measures } = this.counters;
    if (joins) measures.rampFrom(slot, nowMs);
  }

  #release(former: ClusterSnapshot, kept: ReadonlySet<number>): void {
    for (let i = 0; i < former.count; i++) {
      const slot = former.slotAt(i);
      if (kept.has(slot)) continue;
      this.#listed[slot] = undefined;
      this.#released.add(slot);
    }
  }
}
