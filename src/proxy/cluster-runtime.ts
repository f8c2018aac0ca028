import { ClassQueue } from "../base/class-queue.ts";
import type { Random } from "../base/random.ts";
import { RetryBudget } from "../base/retry-budget.ts";
import type { SlotLinks } from "../base/slot-list.ts";
import { buildTiers } from "../lb/build-tiers.ts";
import type { BuiltTiers } from "../lb/built-tiers.ts";
import { candidateColumns } from "../lb/candidate-columns.ts";
import type { ClusterLoads } from "../lb/load/cluster-loads.ts";
import { createLoads } from "../lb/load/create-loads.ts";
import { UsualStreams } from "../lb/load/usual-streams.ts";
import type { PickRequest } from "../lb/picker.ts";
import type { TierLoads } from "../lb/tier-loads.ts";
import { TieredPicker } from "../lb/tiered-picker.ts";
import type { ReportedWeights } from "../lb/weights/reported-weights.ts";
import { ZoneBalancer } from "../lb/zone/zone-balancer.ts";
import type { CircuitLimits, ClusterSettings } from "../resource/cluster-settings.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { ClusterCounters } from "../telemetry/cluster-counters.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { PolicyReason } from "../telemetry/policy-reason.ts";
import type { RetryReason } from "../telemetry/retry-reason.ts";
import type { ClusterSurroundings } from "./cluster-surroundings.ts";
import type { RequestHash } from "./request-hash.ts";
import { AttemptPolicy } from "./retry/attempt-policy.ts";

/** A cluster that got no request for so long has no load that would move. */
const IDLE_MS = 60_000;

/** What a worker keeps for a cluster beside its snapshot: the tiers of the moment, the loads, the queue, the budget. */
export class ClusterRuntime {
  snapshot: ClusterSnapshot;
  /** What of the snapshot can be picked, and why the rest cannot. */
  built!: BuiltTiers;
  /** Picks among {@link built}, with the shares of the moment. */
  tiered!: TieredPicker;
  /** What the last pick was made by: {@link tiered}, or one of {@link restricted}. */
  lastTiered!: TieredPicker;
  /** Changes whenever what {@link restricted} makes would. */
  version = 0;
  /** Changes whenever what {@link shared} makes would, beside that. */
  sharesVersion = 0;
  /** Loads of the endpoints by the cluster's metric. */
  loads!: ClusterLoads;
  /** Makes requests' hashes; undefined where the policy has no use for them. */
  hash: RequestHash | undefined;
  /** Weights made of what endpoints report; whoever sets it rebuilds. */
  weights: ReportedWeights | undefined;
  /** Streams that wait for capacity on any endpoint. */
  readonly queue: ClassQueue;
  /** Sets of endpoints that streams wait for capacity on, because their route restricts them to it. */
  readonly waitingSets = new Set<{ readonly queue: ClassQueue }>();
  readonly budget: RetryBudget;
  /** What is done about attempts beyond one plain one; undefined: nothing. */
  policy: AttemptPolicy | undefined;
  /** Limits in number; 0 is none. */
  circuit!: CircuitLimits;
  /** This worker's row of the cluster's counters: ClusterColumn. */
  readonly row: Float64Array;
  /** The rows of all workers; undefined where this one is alone. */
  counters: ClusterCounters | undefined;
  /** Capacity may have come back: the queue is to be looked at when the turn ends. */
  wake = false;
  /** No longer configured; goes when its last exchange has ended. */
  removed = false;
  /** Exchanges that name this cluster. */
  exchanges = 0;
  /** Picks so far, the pickers' sequence. */
  #picks = 0;
  /** What {@link balance} last saw of them, and when that was something new. */
  #balancedPicks = 0;
  #pickedMs = 0;
  /** As last told: it may be somewhat later. */
  #nowMs = 0;
  readonly #around: ClusterSurroundings;
  #balancer: ZoneBalancer | undefined;
  /** What is usual, where tiers are slices that may be gone beyond. */
  #usual: UsualStreams | undefined;
  #settings: ClusterSettings | undefined;
  /** Never goes back: what was told to have begun is to be told to have ended. */
  #observesLatency = false;

  constructor(
    snapshot: ClusterSnapshot,
    row: Float64Array,
    links: SlotLinks,
    around: ClusterSurroundings,
    nowMs: number,
  ) {
    this.snapshot = snapshot;
    this.row = row;
    this.queue = new ClassQueue(links);
    const { settings } = snapshot;
    this.budget = new RetryBudget(nowMs, settings.retryBudget.share, settings.retryBudget.minPerSecond);
    this.#around = around;
    this.update(snapshot, nowMs);
  }

  /** Whether the time to an answer is to be told to EndpointMeasures: the metric needs it, or tiers are compared by it. */
  get observesLatency(): boolean {
    return this.#observesLatency;
  }

  /**
   * Picks an endpoint for a stream, or for a connection that is balanced as a whole.
   *
   * @param request who asks; its sequence is set here.
   * @param tiered for a request that is restricted to some endpoints: what {@link restricted} gave; default: all.
   * @returns the endpoint's slot, -1 when there is none.
   */
  pick(
    request: PickRequest,
    loads: TierLoads,
    random: Random,
    nowMs: number,
    tiered: TieredPicker = this.tiered,
  ): number {
    request.sequence = this.#picks;
    this.#picks = (this.#picks + 1) >>> 0;
    this.lastTiered = tiered;
    const slot = tiered.pick(request, loads, random, nowMs);
    this.row[ClusterColumn.tierPicks + tiered.pickedDistance]!++;
    if (tiered.lookedBeyond) this.row[ClusterColumn.subsetOverflows]!++;
    if (this.#balancer !== undefined && nowMs >= this.#balancer.lookAtMs) {
      this.#take(this.#balancer.look(nowMs, this.built));
    }
    return slot;
  }

  get hasWaiting(): boolean {
    return this.queue.size > 0 || this.waitingSets.size > 0;
  }

  /**
   * Nobody more may wait for the cluster: whose class has least waiting is not to pay for it.
   *
   * @returns the stream that gives way to another of the class: the last one of the class that has most waiting; 0 where that would not make it fairer.
   */
  lastToGiveWay(callerClass: number): number {
    let own = this.queue.sizeOf(callerClass);
    for (const { queue } of this.waitingSets) own += queue.sizeOf(callerClass);
    let most = this.queue.longest;
    for (const { queue } of this.waitingSets) {
      const { longest } = queue;
      if (longest !== undefined && longest.size > (most?.size ?? 0)) most = longest;
    }
    return most !== undefined && most.size > own + 1 ? most.tail : 0;
  }

  /** Takes leave to try another endpoint from the budget, and counts it. @returns false when the budget is used up. */
  takeMove(reason: RetryReason, nowMs: number): boolean {
    if (!this.budget.take(nowMs)) return false;
    this.row[ClusterColumn.retries + reason]!++;
    this.row[ClusterColumn.retryBudgetUsed] = this.budget.usedRatio(nowMs);
    return true;
  }

  /** Takes leave to send a request once more by policy, from the same budget, and counts it. */
  takeRetry(reason: PolicyReason, nowMs: number): boolean {
    if (!this.budget.take(nowMs)) return false;
    this.row[ClusterColumn.policyRetries + reason]!++;
    this.row[ClusterColumn.retryBudgetUsed] = this.budget.usedRatio(nowMs);
    return true;
  }

  /** Whether more streams are in flight than the whole service may have, the newest included, over all workers. */
  get isFull(): boolean {
    const { maxRequests } = this.circuit;
    if (maxRequests === 0) return false;
    const streams = this.counters?.sum(ClusterColumn.streamsActive) ?? this.row[ClusterColumn.streamsActive]!;
    return streams > maxRequests;
  }

  /** Takes a new snapshot. */
  update(snapshot: ClusterSnapshot, nowMs: number): void {
    const { settings, slots, weights } = snapshot;
    this.#nowMs = nowMs;
    // Equal settings are one object: an update of endpoints alone makes nothing else anew, and what is known of the loads is kept.
    const isSame = this.#settings === settings;
    this.snapshot = snapshot;
    if (!isSame) this.#configure(settings, nowMs);
    this.loads.follow(slots, weights);
    if (!isSame) this.loads.refresh(nowMs);
    this.rebuild();
  }

  #configure(settings: ClusterSettings, nowMs: number): void {
    this.#settings = settings;
    this.budget.configure(nowMs, settings.retryBudget.share, settings.retryBudget.minPerSecond);
    this.policy = AttemptPolicy.of(settings);
    this.circuit = settings.circuit;
    this.loads = createLoads(settings.loadBalancing, this.#around.sources);
    if (this.loads.observesLatency) this.#observesLatency = true;
  }

  /** Makes tiers and pickers anew, after the snapshot, an endpoint's fitness or a weight has changed. */
  rebuild(): void {
    const { place, sources } = this.#around;
    const former = this.tiered as TieredPicker | undefined;
    this.built = this.#build();
    this.tiered = new TieredPicker(
      this.built,
      this.snapshot.settings.loadBalancing,
      this.#around.createPicker,
    );
    this.lastTiered = this.tiered;
    this.version++;
    // A cluster in use gets its tables now, and not within a request.
    if (this.#picks > 0) this.#prepare(this.tiered, former);
    this.#usual = this.built.tiers.some(({ beyond }) => beyond !== undefined)
      ? (this.#usual ?? new UsualStreams())
      : undefined;
    this.loads.usualStreams = this.#usual;
    this.row[ClusterColumn.panic] = this.built.panic ? 1 : 0;
    this.row[ClusterColumn.candidates] = this.tiered.candidateCount;
    if (!ZoneBalancer.isNeeded(this.built)) {
      this.#balancer = undefined;
      this.row[ClusterColumn.spilledShare] = 0;
      this.row[ClusterColumn.loadRatio] = 0;
      return;
    }
    this.#observesLatency = true;
    // Of most services a proxy knows few are called at a time: the first pick brings it about, within a quarter of a second.
    if (this.#picks === 0) return;
    this.#balancer ??= new ZoneBalancer(`${place.node} ${this.snapshot.name}`, sources.measures);
    this.tiered = this.tiered.withShares(this.#balancer.shares(this.built));
  }

  /** Makes what picks need: what takes longer than a share in turns to come, in which they go by what was before. */
  #prepare(tiered: TieredPicker, former: TieredPicker | undefined): void {
    if (former !== undefined) tiered.follow(former);
    if (!tiered.prepare()) return;
    const { version } = this;
    // Overtaken by the next change it is of no use any more.
    const run = (): boolean => this.version === version && !this.removed && tiered.prepare();
    this.#around.inTurns({ run });
  }

  /** What is done several times a second: what is usual is looked at anew, and load moves between tiers. */
  balance(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#picks !== this.#balancedPicks) {
      if (this.#balancedPicks === 0) this.rebuild();
      this.#balancedPicks = this.#picks;
      this.#pickedMs = nowMs;
    } else if (this.#picks === 0 || nowMs - this.#pickedMs > IDLE_MS) return;
    if (this.loads.refreshes) this.loads.refresh(nowMs);
    this.#usual?.observe(nowMs, this.built, this.loads);
    if (this.#balancer === undefined) return;
    const { loadBalancing } = this.snapshot.settings;
    this.#take(this.#balancer.balance(nowMs, this.built, loadBalancing, this.loads));
    this.row[ClusterColumn.loadRatio] = this.#balancer.loadRatio;
  }

  /** @param shares as load moves them; undefined: as they are. */
  #take(shares: Float64Array | undefined): void {
    if (shares === undefined) return;
    this.sharesVersion++;
    this.tiered = this.tiered.withShares(shares);
    this.row[ClusterColumn.spilledShare] = spilled(this.built.shares, shares);
  }

  /**
   * @returns the same as {@link tiered} for some of the endpoints, given their indexes in the snapshot, with shares by health; good for one
   * {@link version}. To be picked by as {@link shared} has it.
   *
   * @param former what was given for the version before: goes on until tables of hashes are made.
   */
  restricted(accept: (index: number) => boolean, former?: TieredPicker): TieredPicker {
    const { loadBalancing } = this.snapshot.settings;
    const tiered = new TieredPicker(this.#build(accept), loadBalancing, this.#around.createPicker);
    if (former !== undefined) this.#prepare(tiered, former);
    return tiered;
  }

  /** @returns what {@link restricted} gave, with shares as load has moved them; good for one {@link sharesVersion}. */
  shared(restricted: TieredPicker): TieredPicker {
    if (this.#balancer === undefined) return restricted;
    return restricted.withShares(this.#balancer.sharesOfSome(restricted.tierSet));
  }

  #build(accept?: (index: number) => boolean): BuiltTiers {
    const { snapshot } = this;
    const { place, verdict, sources } = this.#around;
    const fleet = this.#around.fleetOf(snapshot.name);
    const { slowStart } = snapshot.settings.loadBalancing;
    // Who is new no more is not looked for: an update of a service that has long been as it is makes no column.
    const overMs = slowStart === null ? 0 : Math.max(0, this.#nowMs - slowStart.windowMs);
    const ramps = sources.measures.lastRampMs > overMs ? sources.measures.ramps : undefined;
    const built = buildTiers(snapshot, place, verdict(snapshot.slots), {
      accept,
      fleet,
      // Routes that restrict requests cut what is left by themselves.
      subset: accept === undefined ? this.#around.subsetOf(snapshot.name) : undefined,
      columns: (indexes) => candidateColumns(snapshot, indexes, ramps, overMs),
    });
    return this.weights === undefined ? built : built.map((tier) => this.weights!.reweigh(tier));
  }
}

/** @returns how much of the whole has moved from one tier to another. */
function spilled(before: Float64Array, after: Float64Array): number {
  return before.reduce((sum, share, i) => sum + Math.max(0, share - after[i]!), 0);
}
