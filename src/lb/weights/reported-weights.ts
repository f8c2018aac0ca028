import type { LoadReport } from "../../grpc/load-report.ts";
import { emptyLoadReport } from "../../grpc/load-report.ts";
import type { LoadBalancing } from "../../resource/load-balancing.ts";
import type { CandidateSet } from "../candidate-set.ts";
import { reportWeight, resourceWeightOf } from "./report-weight.ts";

/** Where the last reports are found. */
export interface ReportSource {
  /** Copies the newest report of an endpoint. @returns when it came, in ms; 0 for never, and `into` is left alone. */
  readReport(slot: number, into: LoadReport): number;
}

/** What is known of one endpoint. */
interface Known {
  /** Of its last report that made a weight; when it came, and when the first of the unbroken series of such reports did. */
  weight: number;
  updatedMs: number;
  sinceMs: number;
  /** The resource weight relative to the cluster's mean, smoothed. */
  share: number;
  /** What {@link ReportedWeights.reweigh} uses: weight (0: none) and share as of the last noticeable change. */
  usedWeight: number;
  usedShare: number;
}

/** Weights that differ less than this do not make a new picker. */
const NOTICEABLE_SHARE = 0.01;
/** Endpoints with weights of their own that are needed to go by them at all. Source: gRFC A58. */
const ENOUGH_ENDPOINTS = 2;

/**
 * Weights made of what endpoints report: those of `client_side_weighted_round_robin`, which take the place of the configured ones, and
 * the resource weight, by which weights are multiplied. Made anew now and then, not per pick; a pick sees plain weights.
 *
 * An endpoint without a usable report (none yet, within the blackout after its first, or expired) has the mean of the others'.
 * With fewer than two usable reports the configured weights apply, which are equal unless somebody made them otherwise.
 *
 * Source: gRFC A58.
 */
export class ReportedWeights {
  readonly #loadBalancing: LoadBalancing;
  readonly #known: Map<number, Known>;
  readonly #report = emptyLoadReport();
  #updatedMs = 0;

  private constructor(loadBalancing: LoadBalancing, known: Map<number, Known>) {
    this.#loadBalancing = loadBalancing;
    this.#known = known;
  }

  /**
   * @param former what was known under the settings before.
   * @returns undefined when the settings ask for no such weights.
   */
  static of(loadBalancing: LoadBalancing, former?: ReportedWeights): ReportedWeights | undefined {
    const { policy, resourceWeight } = loadBalancing;
    if (policy !== "client_side_weighted_round_robin" && resourceWeight === null) return undefined;
    return new ReportedWeights(loadBalancing, former === undefined ? new Map() : former.#known);
  }

  /**
   * Looks at the last reports.
   *
   * @param slots of the cluster's endpoints; what is known of others is forgotten.
   * @returns whether any weight differs noticeably: candidates are to be {@link reweigh}ed.
   */
  update(slots: Int32Array, source: ReportSource, nowMs: number): boolean {
    let changed = this.#known.size > slots.length && this.#forgetAllBut(slots);
    for (const slot of slots) {
      const reportedMs = source.readReport(slot, this.#report);
      const known = this.#known.get(slot);
      if (reportedMs > 0) this.#take(known ?? this.#add(slot), reportedMs, nowMs);
      else if (known !== undefined) changed = this.#forget(slot, known) || changed;
    }
    if (this.#loadBalancing.resourceWeight !== null) this.#updateShares(slots, source, nowMs);
    this.#updatedMs = nowMs;
    for (const known of this.#known.values()) {
      if (isNoticeable(known.usedWeight, this.#usable(known))) changed = true;
      if (isNoticeable(known.usedShare, known.share)) changed = true;
    }
    if (!changed) return false;
    for (const known of this.#known.values()) {
      known.usedWeight = this.#usable(known);
      known.usedShare = known.share;
    }
    return true;
  }

  #add(slot: number): Known {
    const known = { weight: 0, updatedMs: 0, sinceMs: 0, share: 1, usedWeight: 0, usedShare: 1 };
    this.#known.set(slot, known);
    return known;
  }

  /** Takes the last report into account, which may be one that was taken before. */
  #take(known: Known, reportedMs: number, nowMs: number): void {
    const { expiryMs, errorPenalty } = this.#loadBalancing.loadReports;
    if (nowMs - known.updatedMs >= expiryMs) known.weight = 0;
    if (reportedMs === known.updatedMs || nowMs - reportedMs >= expiryMs) return;
    const weight = reportWeight(this.#report, errorPenalty);
    if (weight === 0) return;
    if (known.weight === 0) known.sinceMs = reportedMs;
    known.weight = weight;
    known.updatedMs = reportedMs;
  }

  /** @returns candidates with these weights; the same ones where none apply. */
  reweigh(candidates: CandidateSet): CandidateSet {
    const { slots } = candidates;
    const mean = this.#mean(slots);
    const weights = candidates.weights.map((configured, i) => {
      const known = this.#known.get(slots[i]!);
      const weight = mean === 0 ? configured : known?.usedWeight || mean;
      return weight * (known?.usedShare ?? 1);
    });
    if (weights.every((weight, i) => weight === candidates.weights[i])) return candidates;
    return { ...candidates, weights, equalWeights: weights.every((weight) => weight === weights[0]) };
  }

  /** @returns the mean of the weights in use; 0 when there are too few. */
  #mean(slots: Int32Array): number {
    let sum = 0;
    let count = 0;
    for (const slot of slots) {
      const weight = this.#known.get(slot)?.usedWeight ?? 0;
      if (weight === 0) continue;
      sum += weight;
      count++;
    }
    return count < ENOUGH_ENDPOINTS ? 0 : sum / count;
  }

  /** @returns the weight that an endpoint's reports make just now; 0 for none. */
  #usable(known: Known): number {
    const { policy, loadReports } = this.#loadBalancing;
    if (policy !== "client_side_weighted_round_robin") return 0;
    return this.#updatedMs - known.sinceMs < loadReports.blackoutMs ? 0 : known.weight;
  }

  /** Moves the resource weights, relative to their mean and clamped, towards what the last reports say. */
  #updateShares(slots: Int32Array, source: ReportSource, nowMs: number): void {
    const { expiryMs } = this.#loadBalancing.loadReports;
    const { smoothingMs, clamp } = this.#loadBalancing.resourceWeight!;
    const targets = new Float64Array(slots.length);
    let sum = 0;
    let count = 0;
    slots.forEach((slot, i) => {
      const reportedMs = source.readReport(slot, this.#report);
      if (reportedMs === 0 || nowMs - reportedMs >= expiryMs) return;
      targets[i] = resourceWeightOf(this.#report);
      if (targets[i] === 0) return;
      sum += targets[i]!;
      count++;
    });
    const moved = this.#updatedMs === 0 ? 0 : 1 - Math.exp(-(nowMs - this.#updatedMs) / smoothingMs);
    slots.forEach((slot, i) => {
      const known = this.#known.get(slot);
      if (known === undefined) return;
      const isKnown = count >= ENOUGH_ENDPOINTS && targets[i]! > 0;
      const target = isKnown ? Math.min(clamp, Math.max(1 / clamp, (targets[i]! * count) / sum)) : 1;
      known.share += (target - known.share) * moved;
    });
  }

  /** @returns whether weights depended on what is forgotten. */
  #forgetAllBut(slots: Int32Array): boolean {
    const kept = new Set(slots);
    let changed = false;
    for (const [slot, known] of this.#known) {
      if (!kept.has(slot)) changed = this.#forget(slot, known) || changed;
    }
    return changed;
  }

  #forget(slot: number, known: Known): boolean {
    this.#known.delete(slot);
    return known.usedWeight !== 0 || known.usedShare !== 1;
  }
}

function isNoticeable(used: number, weight: number): boolean {
  return Math.abs(weight - used) > NOTICEABLE_SHARE * used;
}
