import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { Fleet } from "../resource/fleet.ts";
import { SetAside } from "../resource/set-aside.ts";
import { BuiltTiers } from "./built-tiers.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { EndpointStates } from "./endpoint-states.ts";
import { LeftOut } from "./left-out.ts";
import type { Place } from "./place.ts";
import type { PriorityLoad } from "./priority-load.ts";
import { priorityLoad } from "./priority-load.ts";
import type { AssignmentCache } from "./subset/assignment-cache.ts";
import type { SubsetColumns } from "./subset/subset-columns.ts";
import { subsetColumns, subsetSize } from "./subset/subset-columns.ts";
import type { TierSubset } from "./subset/subset-parts.ts";
import { subsetParts } from "./subset/subset-parts.ts";
import type { TierSource } from "./tier-candidates.ts";
import { tierCandidates } from "./tier-candidates.ts";
import type { TierGroup } from "./zone/tier-groups.ts";
import { tierGroups } from "./zone/tier-groups.ts";

/** What may be left out. */
export interface BuildTiersOptions {
  /** Endpoints a route restricts requests to, by index in the snapshot; default: all. */
  readonly accept?: ((index: number) => boolean) | undefined;
  /** The other proxies, where clusters use subsets; default: there is none. */
  readonly fleet?: Fleet | undefined;
  /** What this proxy uses of all endpoints, where that has been made elsewhere; without `accept`. */
  readonly subset?: SubsetColumns | undefined;
  /** Assignments of this snapshot, where several proxies' tiers are built. */
  readonly assignments?: AssignmentCache | undefined;
  /** More columns of a candidate set, given the index in the snapshot of each candidate. */
  readonly columns?: (indexes: Int32Array) => Partial<CandidateSet>;
}

/** A tier in the making: of which endpoints it is made, and what state they are in. */
interface Level {
  readonly group: TierGroup;
  /** Part of an endpoint's weight by index; undefined: all of each. */
  readonly part: TierSubset | undefined;
  /** Of the whole group, subset or not, so that a fleet agrees. Leaving endpoints are no part of it. */
  readonly healthy: number;
  readonly total: number;
  /** By LeftOut: how many endpoints of the group, or of its subset, are in that state. */
  readonly counts: Int32Array;
  /** Beside the fit ones of the slice all of the group may be used. */
  readonly overflows: boolean;
}

/** A level with the states of those of its endpoints that are used: bits by LeftOut. */
interface ChosenLevel extends Level {
  readonly use: number;
}

const REASONS = 9;
const FIT = 1 << LeftOut.not;
/** Sick, say checks or discovery; may be wrong. */
const SICK = (1 << LeftOut.unhealthy) | (1 << LeftOut.ejected) | (1 << LeftOut.failedHealthCheck);
/** Could not be connected to; a fact. */
const UNREACHABLE = 1 << LeftOut.unreachable;
const LEAVING = 1 << LeftOut.draining;

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
 * Loops over columns, and none where the snapshot says that there is nothing to find: no request is served meanwhile.
 *
 * @param verdict bits of SetAside by endpoint slot; undefined: nobody is set aside.
 */
export function buildTiers(
  snapshot: ClusterSnapshot,
  place: Place,
  verdict: ((slot: number) => SetAside) | undefined,
  options: BuildTiersOptions = {},
): BuiltTiers {
  const { locality } = snapshot.settings.loadBalancing;
  const { accept, fleet, assignments, columns } = options;
  let { subset } = options;
  const states = new EndpointStates(snapshot.count);
  const reasons = states.octets;
  if (accept !== undefined)
    for (let i = 0; i < snapshot.count; i++) if (!accept(i)) states.mark(i, LeftOut.filtered);
  const groups = tierGroups(snapshot, place, { ...locality, accept }, (index) => {
    states.mark(index, LeftOut.further);
  });
  const isAllFit = snapshot.isAllHealthy && verdict === undefined;
  if (!isAllFit) findUnfit(snapshot, verdict, states);
  const isFit = (index: number): boolean => reasons[index] === LeftOut.not;
  const levels = groups.map((group, number) => {
    const isCut = fleet !== undefined && subsetSize(snapshot, group, place, fleet) !== undefined;
    if (isCut) subset ??= subsetColumns(snapshot, groups, place, fleet, assignments);
    const part = isCut ? subsetParts(snapshot, group, number, subset!, isFit) : undefined;
    return makeLevel(snapshot, group, part, states);
  });
  const { chosen, load } = choose(levels, locality.overprovisioningFactor, locality.panicThreshold);
  const tiers = chosen.map((level, i): CandidateSet => {
    const { group, part, use, overflows } = level;
    const source: TierSource = { snapshot, zone: place.zone, group, panic: load.panic[i]!, states, columns };
    if (part === undefined) return tierCandidates(source, use, usedOf(level));
    const slice = { ...source, group: { ...group, indexes: part.indexes, ranges: undefined } };
    const tier = tierCandidates(slice, use, usedOf(level), part.parts);
    if (!overflows || source.panic || level.healthy <= tier.count) return tier;
    return { ...tier, beyond: tierCandidates(source, FIT, level.healthy) };
  });
  if (tiers.length === 0) {
    const group = { priority: 0, distance: 3, indexes: new Int32Array(0), ranges: [0, 0] };
    const source = { snapshot, zone: place.zone, group, panic: false, states, columns };
    tiers.push(tierCandidates(source, FIT, 0));
  }
  const leftOut = states.next(0, snapshot.count) < snapshot.count ? reasons : undefined;
  const shares = tiers.length === 1 ? Float64Array.of(1) : load.loads;
  const isCut = levels.some(({ part }) => part !== undefined);
  return new BuiltTiers(tiers, shares, leftOut, snapshot.count, isCut);
}

/** Says why endpoints are unfit that are not ruled out already. */
function findUnfit(
  snapshot: ClusterSnapshot,
  verdict: ((slot: number) => SetAside) | undefined,
  states: EndpointStates,
): void {
  const { slots } = snapshot;
  const reasons = states.octets;
  const healths = snapshot.healths();
  if (verdict === undefined) {
    // Found by the engine's own search, which is ten times as fast as a loop that runs now and then.
    for (const health of [HEALTH_CODE.unhealthy, HEALTH_CODE.draining]) {
      for (let i = healths.indexOf(health); i >= 0; i = healths.indexOf(health, i + 1)) {
        if (reasons[i] === LeftOut.not) states.mark(i, unfitness(health, 0));
      }
    }
    return;
  }
  for (let i = 0; i < slots.length; i++) {
    if (reasons[i] !== LeftOut.not) continue;
    const health = healths[i]!;
    const aside = verdict(slots[i]!);
    if (health !== HEALTH_CODE.healthy || aside !== 0) states.mark(i, unfitness(health, aside));
  }
}

function unfitness(health: number, aside: SetAside): LeftOut {
  if (health === HEALTH_CODE.unhealthy) return LeftOut.unhealthy;
  if (aside & SetAside.connect) return LeftOut.unreachable;
  if (health === HEALTH_CODE.draining) return LeftOut.draining;
  return aside & SetAside.outlier ? LeftOut.ejected : LeftOut.failedHealthCheck;
}

function makeLevel(
  snapshot: ClusterSnapshot,
  group: TierGroup,
  part: TierSubset | undefined,
  states: EndpointStates,
): Level {
  const { ranges } = group;
  const whole =
    ranges === undefined
      ? levelOfSome(snapshot, group, states)
      : levelOfRanges(snapshot, group, ranges, states);
  if (part === undefined) return whole;
  const counts = new Int32Array(REASONS);
  const { indexes } = part;
  for (let i = 0; i < indexes.length; i++) counts[states.octets[indexes[i]!]!]!++;
  const overflows = snapshot.settings.loadBalancing.policy === "least_request";
  return { ...whole, part, counts, overflows };
}

function levelOfSome(snapshot: ClusterSnapshot, group: TierGroup, states: EndpointStates): Level {
  const { indexes } = group;
  const counts = new Int32Array(REASONS);
  const healths = snapshot.healths();
  let total = 0;
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!;
    if (healths[index] !== HEALTH_CODE.draining) total++;
    counts[states.octets[index]!]!++;
  }
  return { group, part: undefined, healthy: counts[LeftOut.not]!, total, counts, overflows: false };
}

/** Only those that are unfit are looked at one by one. */
function levelOfRanges(
  snapshot: ClusterSnapshot,
  group: TierGroup,
  ranges: readonly number[],
  states: EndpointStates,
): Level {
  const counts = new Int32Array(REASONS);
  const { length } = group.indexes;
  let unfit = 0;
  let leaving = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const to = ranges[i + 1]!;
    for (let index = states.next(ranges[i]!, to); index < to; index = states.next(index + 1, to)) {
      unfit++;
      counts[states.octets[index]!]!++;
      if (snapshot.healthAt(index) === HEALTH_CODE.draining) leaving++;
    }
  }
  const healthy = length - unfit;
  counts[LeftOut.not] = healthy;
  return { group, part: undefined, healthy, total: length - leaving, counts, overflows: false };
}

/** @returns how many endpoints of the level are in one of these states. */
function countOf({ counts }: Level, states: number): number {
  let count = 0;
  for (let reason = 0; reason < REASONS; reason++) if (states & (1 << reason)) count += counts[reason]!;
  return count;
}

function usedOf(level: ChosenLevel): number {
  return countOf(level, level.use);
}

/** Decides which endpoints of the levels are used. Levels without any are left out. */
function choose(
  levels: readonly Level[],
  overprovisioningFactor: number,
  panicThreshold: number,
): { chosen: readonly ChosenLevel[]; load: PriorityLoad } {
  const anyFit = levels.some(({ healthy }) => healthy > 0);
  if (!anyFit) {
    const leaving = withEndpoints(levels, LEAVING);
    if (leaving.length > 0) {
      const healths = leaving.map((level) => ({ healthy: usedOf(level), total: usedOf(level) }));
      return { chosen: leaving, load: priorityLoad(healths, overprovisioningFactor, 0) };
    }
    if (panicThreshold === 0) return { chosen: [], load: priorityLoad([], overprovisioningFactor, 0) };
    const reachable = withEndpoints(levels, SICK);
    const chosen = reachable.length > 0 ? reachable : withEndpoints(levels, UNREACHABLE);
    const healths = chosen.map((level) => ({ healthy: 0, total: usedOf(level) }));
    return { chosen, load: priorityLoad(healths, overprovisioningFactor, panicThreshold) };
  }
  const counted = levels.filter(({ total }) => total > 0);
  const load = priorityLoad(counted, overprovisioningFactor, panicThreshold);
  const chosen = counted.map((level, i) => ({ ...level, use: load.panic[i]! ? FIT | SICK : FIT }));
  return withoutEmpty(chosen, load);
}

function withEndpoints(levels: readonly Level[], use: number): ChosenLevel[] {
  return levels.map((level) => ({ ...level, use })).filter((level) => usedOf(level) > 0);
}

/** A level may have a share and no endpoint (in panic, all of them unreachable): the others take it in proportion. */
function withoutEmpty(
  levels: readonly ChosenLevel[],
  { loads, panic }: PriorityLoad,
): { chosen: readonly ChosenLevel[]; load: PriorityLoad } {
  const kept = levels.map((_, i) => i).filter((i) => usedOf(levels[i]!) > 0);
  const sum = kept.reduce((total, i) => total + loads[i]!, 0);
  const shared = Float64Array.from(kept, (i, place) => (sum > 0 ? loads[i]! / sum : place === 0 ? 1 : 0));
  return {
    chosen: kept.map((i) => levels[i]!),
    load: { loads: shared, panic: kept.map((i) => panic[i]!) },
  };
}
