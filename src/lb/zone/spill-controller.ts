import type { LocalitySettings } from "../../resource/load-balancing.ts";
import type { CandidateSet } from "../candidate-set.ts";
import type { EndpointMeasures } from "../load/endpoint-measures.ts";
import type { TierSet } from "../tier-set.ts";
import { ProbePlan } from "./probe-plan.ts";
import type { TierEvidence } from "./tier-evidence.ts";
import { TierOverflow } from "./tier-overflow.ts";
import { TierPressure } from "./tier-pressure.ts";

/** Time constant by which the excess leaves. */
const LEAVE_MS = 1_500;
/** Time constant by which it comes home, and points of a hundred per second it may at most. */
const HOME_MS = 4_000;
const MAX_HOME_PER_SECOND = 0.015;
/** The same where answers take even longer there than here. */
const MAX_RETURN_PER_SECOND = 0.05;
/** What has been sent somewhere is seen in the answers only when they come: changes are slower by so many times the time they take there. */
const UNSEEN = 4;
/** What is sent further while reports say that there is more room there. */
const REPORTED_PROBE = 0.04;
/** How much more slowly a tier is believed to bear what waits, while answers take longer here, but not so much that anything has to leave. */
const BAND_PACE = 0.1;
/** A tier keeps at least this: what gets nothing cannot show that it is well again. */
const LEAST_KEPT = 0.005;
/** Answers below which nothing is concluded. */
const LEAST_ANSWERS = 4;
/** Longest time between two updates that counts; a process may have slept. */
const MAX_ELAPSED_MS = 2_000;
/** How far thresholds of the proxies of a fleet lie apart, as a share to either side. */
const DITHER = 0.08;

/** What is kept of a tier from update to update. */
interface TierState {
  readonly pressure: TierPressure;
  readonly plan: ProbePlan;
  /** What has to leave at once. */
  readonly overflow: TierOverflow;
  /** Of what arrives at the tier, the share that stays, as answers say; the rest goes to the next one of its priority. */
  kept: number;
}

/**
 * Moves load between tiers of one priority: what a tier has in excess of those after it goes to the next, and comes home when it is no more.
 *
 * A tier's pressure is compared with that of the tiers after it. Above `highLoadRatio` times theirs the excess leaves: of its
 * load the share `1 − high / ratio`, by and by. Below `lowLoadRatio` load comes home, more slowly. In between nothing moves. Pressure
 * is how long answers take, which every proxy can see by itself, and soon: where nothing is known of the tiers further away it sends 4 % there now and
 * then (ProbePlan). Where endpoints report utilization, or peers their streams in flight, it does so when these differ and not otherwise: they
 * say when to ask, and answers decide, because reports are means over a while and come after a while; moving load by them overshoots. A ratio
 * that stands on few answers counts for less. All this takes seconds; what cannot wait so long leaves by TierOverflow meanwhile.
 *
 * Thresholds differ a little from proxy to proxy, so that a fleet does not move in step. Pure: time and evidence come in as arguments.
 */
export class SpillController {
  /** By priority and tier name: kept over other sets of tiers. */
  readonly #states = new Map<string, TierState>();
  /** Load of the nearest tier relative to those after it, as of the last update; 0 while it is not known. */
  loadRatio = 0;
  readonly #dither: number;
  #updatedMs = -1;

  /** @param dither -1 to 1, another one for each proxy of a fleet. */
  constructor(dither: number) {
    this.#dither = dither;
  }

  /**
   * Takes what was seen since the last time, and decides. To be called a few times a second.
   *
   * @param set with the shares by health.
   * @param evidence by tier of `set`.
   */
  observe(
    nowMs: number,
    { tiers }: TierSet,
    settings: LocalitySettings,
    evidence: readonly TierEvidence[],
  ): void {
    const elapsedMs =
      this.#updatedMs < 0 ? 0 : Math.min(MAX_ELAPSED_MS, Math.max(0, nowMs - this.#updatedMs));
    this.#updatedMs = nowMs;
    const states = tiers.map((tier, i) => {
      const state = this.#stateOf(tier);
      state.pressure.observe(evidence[i]!, elapsedMs);
      return state;
    });
    tiers.forEach(({ priority }, i) => {
      const further = states.filter((_, k) => k > i && tiers[k]!.priority === priority);
      if (further.length === 0) return;
      const ratio = this.#adjust(states[i]!, further, settings, nowMs, elapsedMs);
      if (i === 0) this.loadRatio = ratio;
    });
  }

  /**
   * Looks whether a tier has more to bear than it ever had, for what cannot wait for answers. To be called every few ms while requests come.
   *
   * @returns whether {@link shares} are others now.
   */
  look(nowMs: number, { tiers }: TierSet, measures: EndpointMeasures): boolean {
    let isChanged = false;
    for (let i = 0; i < tiers.length; i++) {
      const tier = tiers[i]!;
      if (tiers[i + 1]?.priority !== tier.priority) continue;
      const { slots, count } = tier;
      let waiting = 0;
      for (let n = 0; n < count; n++) waiting += measures.waiting(slots[n]!);
      if (this.#stateOf(tier).overflow.look(nowMs, waiting, count)) isChanged = true;
    }
    return isChanged;
  }

  /** @returns shares by tier: those of `set`, which are by health, and what load changes of them. */
  shares({ tiers, shares }: TierSet): Float64Array {
    let carried = 0;
    return shares.map((share, i) => {
      const arriving = share + carried;
      const isLast = tiers[i + 1]?.priority !== tiers[i]!.priority;
      const kept = isLast ? arriving : arriving * keptOf(this.#stateOf(tiers[i]!));
      carried = arriving - kept;
      return kept;
    });
  }

  #stateOf({ priority, tier }: CandidateSet): TierState {
    const key = `${priority} ${tier}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      state = { pressure: new TierPressure(), plan: new ProbePlan(), overflow: new TierOverflow(), kept: 1 };
      this.#states.set(key, state);
    }
    return state;
  }

  #adjust(
    state: TierState,
    further: readonly TierState[],
    { lowLoadRatio, highLoadRatio }: LocalitySettings,
    nowMs: number,
    elapsedMs: number,
  ): number {
    const high = highLoadRatio * (1 + DITHER * this.#dither);
    const low = lowLoadRatio * (1 + (DITHER / 2) * this.#dither);
    const { ratio, sureRatio, nearMs, thereMs, probe, isAnswered } = compare(state, further, low, nowMs);
    if (ratio === 0) state.overflow.pace = isAnswered ? 0 : 1;
    else state.overflow.pace = ratio < 1 ? 1 : ratio < high ? BAND_PACE : 0;
    if (sureRatio > high) {
      const wanted = (state.kept * high) / sureRatio;
      state.kept += (wanted - state.kept) * (1 - Math.exp(-elapsedMs / (LEAVE_MS + UNSEEN * thereMs)));
    } else if (ratio < low) {
      const excess = ratio === 0 ? 0 : low / ratio - 1;
      const slowness = (HOME_MS + UNSEEN * nearMs) / HOME_MS;
      const step = Math.max(0.01, state.kept * excess) * (1 - Math.exp(-elapsedMs / HOME_MS / slowness));
      const pace = ratio > 0 && ratio < 1 ? MAX_RETURN_PER_SECOND : MAX_HOME_PER_SECOND;
      state.kept += Math.min(step, (pace * elapsedMs) / 1_000 / slowness);
    }
    state.kept = Math.max(LEAST_KEPT, Math.min(1 - probe, state.kept));
    return ratio;
  }
}

function keptOf({ kept, overflow }: TierState): number {
  return Math.max(LEAST_KEPT, kept * (1 - overflow.share));
}

/** A comparison of a tier with those after it. */
interface Comparison {
  /** 0 while it is not known. */
  readonly ratio: number;
  /** The ratio as far as it is certain. */
  readonly sureRatio: number;
  /** Mean time to an answer here and there. */
  readonly nearMs: number;
  readonly thereMs: number;
  /** What should be sent further to know more. */
  readonly probe: number;
  /** Whether further away answers come, whatever comes here. */
  readonly isAnswered: boolean;
}

function compare(
  { pressure, plan }: TierState,
  further: readonly TierState[],
  low: number,
  nowMs: number,
): Comparison {
  const reported = compareReports(pressure, further);
  const there = new TierPressure();
  for (const other of further) there.add(other.pressure);
  const nearMs = pressure.latencyMs();
  // What was seen there before counts relative to here: when everything takes longer, it does so there too.
  const thereMs = there.latencyMs(pressure.usualMs > 0 ? (there.usualMs * nearMs) / pressure.usualMs : 0);
  const probe =
    reported > 0
      ? reported > low
        ? REPORTED_PROBE
        : 0
      : plan.share(nowMs, nearMs, pressure.seen, there.answers);
  const isAnswered = there.answers >= LEAST_ANSWERS;
  if (pressure.answers < LEAST_ANSWERS || !isAnswered || thereMs === 0) {
    return { ratio: 0, sureRatio: 0, nearMs, thereMs, probe, isAnswered };
  }
  const ratio = nearMs / thereMs;
  const doubt = 1 + 1 / Math.sqrt(there.answers) + 0.5 / Math.sqrt(pressure.answers);
  return { ratio, sureRatio: ratio / doubt, nearMs, thereMs, probe, isAnswered };
}

/** @returns the ratio that reports tell; 0 where there are none. */
function compareReports(near: TierPressure, further: readonly TierState[]): number {
  const streams = ratioOf(
    near.streamPressure,
    further.map(({ pressure }) => pressure.streamPressure),
  );
  const utilization = ratioOf(
    near.utilizationPressure,
    further.map(({ pressure }) => pressure.utilizationPressure),
  );
  return Math.max(0, streams, utilization);
}

/** @returns -1 where one side is not known. */
function ratioOf(near: number, further: readonly number[]): number {
  const known = further.filter((pressure) => pressure >= 0);
  if (near < 0 || known.length === 0) return -1;
  return near / (known.reduce((sum, pressure) => sum + pressure, 0) / known.length);
}
