import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { Fleet } from "../resource/fleet.ts";
import { SetAside } from "../resource/set-aside.ts";
import { BuiltTiers } from "./built-tiers.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { TIER_NAMES } from "./candidate-set.ts";
import { LeftOut } from "./left-out.ts";
import type { Place } from "./place.ts";
import type { PriorityLoad } from "./priority-load.ts";
import { priorityLoad } from "./priority-load.ts";
import { subsetParts } from "./subset/subset-parts.ts";
import type { TierGroup } from "./zone/tier-groups.ts";
import { tierGroups } from "./zone/tier-groups.ts";

/** What may be left out. */
export interface BuildTiersOptions {
  /** Endpoints a route restricts requests to, by index in the snapshot; default: all. */
  readonly accept?: ((index: number) => boolean) | undefined;
  /** The other proxies, where clusters use subsets; default: there is none. */
  readonly fleet?: Fleet | undefined;
  /** More columns of a candidate set, given the index in the snapshot of each candidate. */
  readonly columns?: (indexes: Int32Array) => Partial<CandidateSet>;
}

/** A tier in the making: of which endpoints it is made, and what state they are in. */
interface Level {
  readonly group: TierGroup;
  /** Part of an endpoint's weight by index; undefined: all of each. */
  readonly parts: ReadonlyMap<number, number> | undefined;
  /** Of the whole group, subset or not, so that a fleet agrees. Leaving endpoints are no part of it. */
  healthy: number;
  total: number;
  readonly fit: number[];
  /** Sick, say checks or discovery; may be wrong. */
  readonly sick: number[];
  /** Could not be connected to; a fact. */
  readonly unreachable: number[];
  readonly leaving: number[];
  /** What is fit of the whole group, where {@link fit} is of a slice that may be gone beyond. */
  readonly whole: number[] | undefined;
}

/**
 * Decides which endpoints a cluster's pickers choose from, and how much each tier gets by its health; what load changes of that is
 * zone/spill-controller.ts's.
 *
 * - Tiers go by priority, and within one by distance: node, zone, region, anywhere (`locality.distribution`).
 * - Each is one of Envoy's priority levels: see {@link priorityLoad}, panic included. Endpoints that could not be connected to are left out
 *   even then, as long as there are others: that they fail is no opinion.
 * - Leaving endpoints count for nothing and get nothing new, until no other is healthy on any tier: then they are all there is, and
 *   still serve.
 * - Of a large tier a proxy of a fleet uses its slice (subset/), and with `least_request` the rest when the slice is busy. What hashes stays
 *   in its slice, and other policies look at no load.
 *
 * @param verdict bits of SetAside by endpoint slot.
 */
export function buildTiers(
  snapshot: ClusterSnapshot,
  place: Place,
  verdict: (slot: number) => SetAside,
  options: BuildTiersOptions = {},
): BuiltTiers {
  const { locality } = snapshot.settings.loadBalancing;
  const { accept, fleet, columns } = options;
  const reasons = new Uint8Array(snapshot.count);
  if (accept !== undefined)
    for (let i = 0; i < snapshot.count; i++) if (!accept(i)) reasons[i] = LeftOut.filtered;
  const groups = tierGroups(snapshot, place, { ...locality, accept }, (index) => {
    reasons[index] = LeftOut.further;
  });
  for (const { indexes } of groups)
    for (const index of indexes) reasons[index] = unfitness(snapshot, index, verdict);
  const levels = groups.map((group) => makeLevel(snapshot, group, place, fleet, reasons));
  const { chosen, load } = choose(levels, locality.overprovisioningFactor, locality.panicThreshold);
  const tiers = chosen.map(({ group, parts, use, whole }, i): CandidateSet => {
    const panic = load.panic[i]!;
    const tier = candidatesOf(snapshot, place, group, panic, use, parts, columns);
    if (whole === undefined || panic || whole.length <= use.length) return tier;
    return { ...tier, beyond: candidatesOf(snapshot, place, group, panic, whole, undefined, columns) };
  });
  if (tiers.length === 0) {
    tiers.push(
      candidatesOf(snapshot, place, { priority: 0, distance: 3, indexes: [] }, false, [], undefined, columns),
    );
  }
  return new BuiltTiers(tiers, tiers.length === 1 ? Float64Array.of(1) : load.loads, reasons);
}

function unfitness(snapshot: ClusterSnapshot, index: number, verdict: (slot: number) => SetAside): LeftOut {
  const health = snapshot.healthAt(index);
  if (health === HEALTH_CODE.unhealthy) return LeftOut.unhealthy;
  const aside = verdict(snapshot.slotAt(index));
  if (aside & SetAside.connect) return LeftOut.unreachable;
  if (health === HEALTH_CODE.draining) return LeftOut.draining;
  if (aside & SetAside.outlier) return LeftOut.ejected;
  return aside === 0 ? LeftOut.not : LeftOut.failedHealthCheck;
}

function makeLevel(
  snapshot: ClusterSnapshot,
  group: TierGroup,
  place: Place,
  fleet: Fleet | undefined,
  reasons: Uint8Array,
): Level {
  const parts = subsetParts(snapshot, group, place, fleet, (index) => reasons[index] === LeftOut.not);
  const overflows = parts !== undefined && snapshot.settings.loadBalancing.policy === "least_request";
  const level: Level = {
    group,
    parts,
    healthy: 0,
    total: 0,
    fit: [],
    sick: [],
    unreachable: [],
    leaving: [],
    whole: overflows ? [] : undefined,
  };
  for (const index of group.indexes) {
    const reason = reasons[index]!;
    const isLeaving = snapshot.healthAt(index) === HEALTH_CODE.draining;
    if (!isLeaving) level.total++;
    if (reason === LeftOut.not) {
      level.healthy++;
      level.whole?.push(index);
    }
    if (parts !== undefined && !parts.has(index)) {
      if (reason === LeftOut.not) reasons[index] = LeftOut.notInSubset;
    } else if (reason === LeftOut.not) level.fit.push(index);
    else if (reason === LeftOut.unreachable) level.unreachable.push(index);
    else if (isLeaving) level.leaving.push(index);
    else level.sick.push(index);
  }
  return level;
}

/** Decides which endpoints of the levels are used. Levels without any are left out. */
function choose(
  levels: readonly Level[],
  overprovisioningFactor: number,
  panicThreshold: number,
): { chosen: readonly (Level & { readonly use: readonly number[] })[]; load: PriorityLoad } {
  const anyFit = levels.some(({ healthy }) => healthy > 0);
  if (!anyFit) {
    const leaving = withEndpoints(levels, ({ leaving }) => leaving);
    if (leaving.length > 0) {
      const healths = leaving.map(({ use }) => ({ healthy: use.length, total: use.length }));
      return { chosen: leaving, load: priorityLoad(healths, overprovisioningFactor, 0) };
    }
    if (panicThreshold === 0) return { chosen: [], load: priorityLoad([], overprovisioningFactor, 0) };
    const reachable = withEndpoints(levels, ({ sick }) => sick);
    const chosen = reachable.length > 0 ? reachable : withEndpoints(levels, ({ unreachable }) => unreachable);
    const healths = chosen.map(({ use }) => ({ healthy: 0, total: use.length }));
    return { chosen, load: priorityLoad(healths, overprovisioningFactor, panicThreshold) };
  }
  const counted = levels.filter(({ total }) => total > 0);
  const load = priorityLoad(counted, overprovisioningFactor, panicThreshold);
  const chosen = counted.map((level, i) => ({
    ...level,
    use: load.panic[i]! ? [...level.fit, ...level.sick].sort((a, b) => a - b) : level.fit,
  }));
  return withoutEmpty(chosen, load);
}

function withEndpoints(levels: readonly Level[], used: (level: Level) => readonly number[]) {
  return levels.map((level) => ({ ...level, use: used(level) })).filter(({ use }) => use.length > 0);
}

/** A level may have a share and no endpoint (in panic, all of them unreachable): the others take it in proportion. */
function withoutEmpty<L extends { readonly use: readonly number[] }>(
  levels: readonly L[],
  { loads, panic }: PriorityLoad,
): { chosen: readonly L[]; load: PriorityLoad } {
  const kept = levels.map((_, i) => i).filter((i) => levels[i]!.use.length > 0);
  const sum = kept.reduce((total, i) => total + loads[i]!, 0);
  const shared = Float64Array.from(kept, (i, place) => (sum > 0 ? loads[i]! / sum : place === 0 ? 1 : 0));
  return {
    chosen: kept.map((i) => levels[i]!),
    load: { loads: shared, panic: kept.map((i) => panic[i]!) },
  };
}

function candidatesOf(
  snapshot: ClusterSnapshot,
  { zone }: Place,
  { priority, distance }: TierGroup,
  panic: boolean,
  use: readonly number[],
  parts: ReadonlyMap<number, number> | undefined,
  columns: BuildTiersOptions["columns"],
): CandidateSet {
  // Loops: of 10,000 endpoints each "from" with a function is a quarter of a millisecond in which no request is served.
  const weights = new Float64Array(use.length);
  const indexes = new Int32Array(use.length);
  const slots = new Int32Array(use.length);
  let localCount = 0;
  let equalWeights = true;
  for (let i = 0; i < use.length; i++) {
    const index = use[i]!;
    indexes[i] = index;
    slots[i] = snapshot.slotAt(index);
    weights[i] = snapshot.weightAt(index) * (parts?.get(index) ?? 1);
    if (weights[i] !== weights[0]) equalWeights = false;
    if (zone !== "" && snapshot.zoneAt(index) === zone) localCount++;
  }
  return {
    tier: TIER_NAMES[distance]!,
    priority,
    panic,
    count: use.length,
    indexes,
    slots,
    weights,
    equalWeights,
    localCount,
    ...columns?.(indexes),
  };
}
