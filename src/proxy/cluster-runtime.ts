import type { Random } from "../base/random.ts";
import { RetryBudget } from "../base/retry-budget.ts";
import type { SlotLinks } from "../base/slot-list.ts";
import { SlotList } from "../base/slot-list.ts";
import { buildCandidates } from "../lb/build-candidates.ts";
import type { CandidateSet } from "../lb/candidate-set.ts";
import { createPicker } from "../lb/create-picker.ts";
import type { LoadReader, Picker, PickRequest } from "../lb/picker.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { RetryReason } from "../telemetry/retry-reason.ts";

/** What a worker keeps for a cluster beside its snapshot: the picker of the moment, the queue, the budget. */
export class ClusterRuntime {
  snapshot: ClusterSnapshot;
  candidates: CandidateSet;
  picker: Picker;
  /** Streams that wait for capacity on any endpoint. */
  readonly queue: SlotList;
  readonly budget: RetryBudget;
  /** This worker's row of the cluster's counters: ClusterColumn. */
  readonly row: Float64Array;
  /** Capacity may have come back: the queue is to be looked at when the turn ends. */
  wake = false;
  /** No longer configured; goes when its last exchange has ended. */
  removed = false;
  /** Exchanges that name this cluster. */
  exchanges = 0;
  /** Picks so far, the pickers' sequence. */
  #picks = 0;
  readonly #zone: string;
  readonly #isAside: (slot: number) => boolean;

  constructor(
    snapshot: ClusterSnapshot,
    row: Float64Array,
    links: SlotLinks,
    zone: string,
    isAside: (slot: number) => boolean,
    nowMs: number,
  ) {
    this.snapshot = snapshot;
    this.row = row;
    this.queue = new SlotList(links);
    this.budget = new RetryBudget(nowMs);
    this.#zone = zone;
    this.#isAside = isAside;
    this.candidates = buildCandidates(snapshot, zone, isAside);
    this.picker = createPicker(snapshot.settings.loadBalancing.policy, this.candidates);
  }

  /**
   * Picks an endpoint for a stream, or for a connection that is balanced as a whole.
   *
   * @param request who asks; its sequence is set here.
   * @returns the endpoint's slot, -1 when there is none.
   */
  pick(request: PickRequest, loads: LoadReader, random: Random, nowMs: number): number {
    request.sequence = this.#picks;
    this.#picks = (this.#picks + 1) >>> 0;
    const index = this.picker.pick(request, loads, random, nowMs);
    return index < 0 ? -1 : this.candidates.slots[index]!;
  }

  /** Takes leave to try another endpoint from the budget, and counts it. @returns false when the budget is used up. */
  takeMove(reason: RetryReason, nowMs: number): boolean {
    if (!this.budget.take(nowMs)) return false;
    this.row[ClusterColumn.retries + reason]!++;
    this.row[ClusterColumn.retryBudgetUsed] = this.budget.usedRatio(nowMs);
    return true;
  }

  /** Takes a new snapshot. */
  update(snapshot: ClusterSnapshot): void {
    this.snapshot = snapshot;
    this.rebuild();
  }

  /** Makes candidates and picker anew, after the snapshot or an endpoint's fitness has changed. */
  rebuild(): void {
    this.candidates = buildCandidates(this.snapshot, this.#zone, this.#isAside);
    this.picker = createPicker(this.snapshot.settings.loadBalancing.policy, this.candidates);
  }
}
