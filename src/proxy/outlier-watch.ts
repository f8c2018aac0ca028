import { countingFromZero } from "../lb/counting-from-zero.ts";
import { AnswerTime } from "../lb/outlier/answer-time.ts";
import { mayEject } from "../lb/outlier/ejection-limit.ts";
import { FailurePenalty } from "../lb/outlier/failure-penalty.ts";
import type { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import { TrialGate } from "../lb/outlier/shared-outcomes.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import { SetAside } from "../resource/set-aside.ts";
import { MAX_ENDPOINT_SLOTS } from "../resource/slot-registry.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";

/** A worker's own ejection lasts until the main thread, which looks several times a second, has made it one of all. */
const OWN_EJECTION_MS = 1_000;

/** What is kept for a cluster that has outlier detection on. */
interface WatchedCluster {
  readonly cluster: ClusterRuntime;
  readonly answerTime: AnswerTime;
  consecutiveFailures: number;
  maxEjectionShare: number;
  /** Ejected endpoints that may be given a request, one at a time. */
  trials: number[];
}

/**
 * What a worker learns about endpoints from answers. Failures in a row set an endpoint aside at once, here; rates, ejections and returns are
 * the main thread's (lb/outlier/outlier-detector.ts), which sees all workers. Costs one read per answer for clusters without
 * outlier detection.
 */
export class OutlierWatch {
  /** Streams that failing endpoints are taken to have; for clusters without outlier detection too. */
  readonly penalty = new FailurePenalty(MAX_ENDPOINT_SLOTS);
  /** Endpoints in trial, of all clusters. */
  trialCount = 0;
  readonly #endpoints: EndpointCounters;
  readonly #outcomes: SharedOutcomes;
  readonly #worker: number;
  readonly #row: number;
  /** By cluster slot. */
  readonly #clusters: (WatchedCluster | undefined)[] = [];
  readonly #generations = new Int32Array(MAX_ENDPOINT_SLOTS);
  /** Faults in a row, with no success between them. */
  readonly #streak = new Uint16Array(MAX_ENDPOINT_SLOTS);
  /** When a connection was last lost: it counts once, however many streams it had. */
  readonly #lostMs = new Float64Array(MAX_ENDPOINT_SLOTS);
  /** Endpoints that this worker has ejected itself, and until when. */
  readonly #own: { readonly slot: number; readonly untilMs: number }[] = [];
  #trialVersion = 0;

  /** @param worker index of this worker's row. */
  constructor(endpoints: EndpointCounters, outcomes: SharedOutcomes, worker: number) {
    this.#endpoints = endpoints;
    this.#outcomes = outcomes;
    this.#worker = worker;
    this.#row = endpoints.rowStart(worker);
  }

  /** Takes a cluster's new version. @param joined indexes of endpoints that it has and the one before had not; default: any may be. */
  apply(cluster: ClusterRuntime, joined?: Int32Array): void {
    const { snapshot } = cluster;
    const generations = snapshot.generations();
    const { slots } = snapshot;
    const met = joined ?? countingFromZero(snapshot.count);
    // All of 10,000 may have been replaced at once: no iterator.
    for (let i = 0; i < met.length; i++) this.#meet(slots[met[i]!]!, generations[met[i]!]!);
    const settings = snapshot.settings.outlierDetection;
    const former = this.#clusters[snapshot.clusterSlot];
    if (settings === null) {
      this.#clusters[snapshot.clusterSlot] = undefined;
    } else {
      const { consecutiveFailures, maxEjectionShare } = settings;
      const same = former?.cluster === cluster ? former : undefined;
      const answerTime = same?.answerTime ?? new AnswerTime();
      const limits = { consecutiveFailures, maxEjectionShare };
      this.#clusters[snapshot.clusterSlot] = { cluster, answerTime, ...limits, trials: [] };
    }
    if (settings !== null || former !== undefined) this.#findTrials(snapshot.clusterSlot);
  }

  /** Forgets a cluster that is no longer configured. */
  remove(clusterSlot: number): void {
    if (this.#clusters[clusterSlot] === undefined) return;
    this.#clusters[clusterSlot] = undefined;
    this.#findTrials();
  }

  /** A slot of another generation has another owner. */
  #meet(slot: number, generation: number): void {
    if (this.#generations[slot] === generation) return;
    const isFirst = this.#generations[slot] === 0;
    this.#generations[slot] = generation;
    if (isFirst) return;
    // Zeros over zeros would take memory for each endpoint that was ever replaced.
    if (this.#streak[slot] !== 0) this.#streak[slot] = 0;
    if (this.#lostMs[slot] !== 0) this.#lostMs[slot] = 0;
    this.penalty.clear(slot);
  }

  /** An attempt was answered well, `elapsedMs` after it began. */
  succeeded(clusterSlot: number, slot: number, elapsedMs: number, nowMs: number): void {
    this.penalty.succeeded(slot, nowMs);
    const watched = this.#clusters[clusterSlot];
    if (watched === undefined) return;
    this.#outcomes.succeeded(this.#worker, slot);
    this.#streak[slot] = 0;
    watched.answerTime.observe(elapsedMs);
  }

  /** An attempt failed, and the endpoint is to blame. @param lost because its connection broke. */
  failed(clusterSlot: number, slot: number, lost: boolean, nowMs: number): void {
    if (lost) {
      if (this.#lostMs[slot] === nowMs) return;
      this.#lostMs[slot] = nowMs;
    }
    this.penalty.failed(slot, nowMs);
    const watched = this.#clusters[clusterSlot];
    if (watched === undefined) return;
    this.#outcomes.failed(this.#worker, slot);
    const limit = watched.consecutiveFailures;
    if (limit === 0 || ++this.#streak[slot]! < limit) return;
    this.#streak[slot] = 0;
    this.#trip(watched, slot, nowMs);
  }

  /**
   * An attempt was answered with an error that the request may have caused as well: it counts in rates, which compare endpoints, but
   * not in the row of failures, which one caller with one bad request would fill.
   */
  erred(clusterSlot: number, slot: number, nowMs: number): void {
    this.penalty.failed(slot, nowMs);
    if (this.#clusters[clusterSlot] !== undefined) this.#outcomes.failed(this.#worker, slot);
  }

  /** @returns whether an endpoint of the cluster that has not answered after `elapsedMs` is slower than the others. */
  isLate(clusterSlot: number, elapsedMs: number): boolean {
    return this.#clusters[clusterSlot]?.answerTime.isLate(elapsedMs) === true;
  }

  /** An answer began. To be told while {@link trialCount} is not 0. */
  answered(slot: number): void {
    if (this.#outcomes.gate(slot) === TrialGate.taken) this.#outcomes.answered(this.#worker, slot);
  }

  /** @returns an ejected endpoint that is due for a request, which is the caller's; -1 for none. */
  takeTrial(clusterSlot: number): number {
    const trials = this.#clusters[clusterSlot]?.trials;
    if (trials === undefined) return -1;
    for (const slot of trials) if (this.#outcomes.takeGate(slot)) return slot;
    return -1;
  }

  /** To be called several times a second. */
  sample(nowMs: number): void {
    while (this.#own.length > 0 && nowMs >= this.#own[0]!.untilMs) {
      const { slot } = this.#own.shift()!;
      this.#endpoints.markAside(this.#row, slot, SetAside.outlier, false);
    }
    if (this.#trialVersion !== this.#outcomes.trialVersion) this.#findTrials();
  }

  #trip(watched: WatchedCluster, slot: number, nowMs: number): void {
    const { cluster, maxEjectionShare } = watched;
    // Streams it had before its ejection go on failing.
    if (this.#endpoints.asideReasons(slot) & SetAside.outlier) return;
    if (!mayEject(this.#census(cluster), maxEjectionShare)) {
      cluster.row[ClusterColumn.ejectionsRefused]!++;
      return;
    }
    this.#outcomes.tripped(this.#worker, slot);
    this.#endpoints.markAside(this.#row, slot, SetAside.outlier, true);
    this.#own.push({ slot, untilMs: nowMs + OWN_EJECTION_MS });
    cluster.rebuild();
  }

  #census({ snapshot }: ClusterRuntime) {
    let total = 0;
    let ejected = 0;
    let usable = 0;
    const { slots } = snapshot;
    const healths = snapshot.healths();
    for (let i = 0; i < slots.length; i++) {
      if (healths[i] !== HEALTH_CODE.healthy) continue;
      const reasons = this.#endpoints.asideReasons(slots[i]!);
      total++;
      if (reasons & SetAside.outlier) ejected++;
      if (reasons === 0) usable++;
    }
    return { total, ejected, usable };
  }

  /** @param only the others are as they were; default: any may have changed. */
  #findTrials(only?: number): void {
    const isStale = this.#trialVersion !== this.#outcomes.trialVersion;
    this.#trialVersion = this.#outcomes.trialVersion;
    const isAnyOn = this.#outcomes.trials > 0;
    this.trialCount = 0;
    for (let clusterSlot = 0; clusterSlot < this.#clusters.length; clusterSlot++) {
      const watched = this.#clusters[clusterSlot];
      if (watched === undefined) continue;
      if (isStale || only === undefined || only === clusterSlot) {
        watched.trials = isAnyOn ? this.#trialsAmong(watched.cluster.snapshot.slots) : [];
      }
      this.trialCount += watched.trials.length;
    }
  }

  #trialsAmong(slots: Int32Array): number[] {
    const trials: number[] = [];
    for (let i = 0; i < slots.length; i++)
      if (this.#outcomes.gate(slots[i]!) !== TrialGate.closed) trials.push(slots[i]!);
    return trials;
  }
}
