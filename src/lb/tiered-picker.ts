import type { Random } from "../base/random.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { TIER_NAMES } from "./candidate-set.ts";
import { createPicker } from "./create-picker.ts";
import { OverflowPicker } from "./overflow-picker.ts";
import type { Picker, PickRequest } from "./picker.ts";
import { tierShare } from "./slow-start.ts";
import type { TierLoads } from "./tier-loads.ts";
import type { TierSet } from "./tier-set.ts";
import { isTried } from "./untried.ts";

/** 2^32 divided by the golden ratio: multiples of it lie far apart, so that neighbouring hashes get tiers apart. */
const GOLDEN = 0x9e3779b9;

/**
 * Picks among tiers: draws one by the shares, then lets its picker choose. Pure like a picker, of these two arguments alone. With one
 * tier nothing is drawn, and a pick costs what its picker costs.
 *
 * - Where the policy hashes, the tier is drawn by the hash too: equal hashes stay together.
 * - A tier whose endpoints are all new gets what slow start allows it, and the next tier the rest.
 * - What has tried all of a tier goes to the next, then to those before.
 * - Where a tier is a slice that is busy, an {@link OverflowPicker} looks beyond it.
 */
export class TieredPicker {
  readonly tierSet: TierSet;
  /** By tier. */
  readonly pickers: readonly Picker[];
  /** The tier of the last pick. */
  pickedTier = 0;
  /** Whether the last pick drew from beyond its tier's slice, and chose from there. */
  lookedBeyond = false;
  readonly #settings: LoadBalancing;
  readonly #hashes: boolean;
  /** By tier. */
  readonly #distances: Uint8Array;
  /** By tier, of those that are slices; undefined where none is. */
  readonly #overflows: readonly (OverflowPicker | undefined)[] | undefined;

  /**
   * @param create makes the picker of a tier; default: the policy's own.
   * @param former one of the same tiers, whose pickers are used again.
   */
  constructor(
    tierSet: TierSet,
    settings: LoadBalancing,
    create: (settings: LoadBalancing, candidates: CandidateSet) => Picker = createPicker,
    former?: TieredPicker,
  ) {
    this.tierSet = tierSet;
    this.#settings = settings;
    this.#hashes = settings.policy === "ring_hash" || settings.policy === "maglev";
    this.#distances = Uint8Array.from(tierSet.tiers, ({ tier }) => TIER_NAMES.indexOf(tier));
    this.pickers = former?.pickers ?? tierSet.tiers.map((candidates) => create(settings, candidates));
    this.#overflows = former === undefined ? overflowsOf(tierSet, settings) : former.#overflows;
  }

  /** How far away the tier of the last pick is: its name's place in TIER_NAMES. */
  get pickedDistance(): number {
    return this.#distances[this.pickedTier]!;
  }

  /** Candidates of all tiers. */
  get candidateCount(): number {
    let count = 0;
    for (const picker of this.pickers) count += picker.candidates.count;
    return count;
  }

  /** Whether some picks go by what was before, until all tables are made. */
  get isPreparing(): boolean {
    return this.pickers.some(({ isPrepared }) => isPrepared === false);
  }

  /** Has pickers go by those that were before for the same tiers, until they are prepared. */
  follow(former: TieredPicker): void {
    for (const picker of this.pickers) {
      if (picker.follow === undefined) continue;
      const { tier, priority } = picker.candidates;
      const before = former.pickers.find(
        ({ candidates }) => candidates.tier === tier && candidates.priority === priority,
      );
      if (before !== undefined) picker.follow(before);
    }
  }

  /** Makes a share of what picks need. @returns whether some is left. */
  prepare(): boolean {
    for (const picker of this.pickers) if (picker.prepare?.() === true) return true;
    return false;
  }

  /** @returns the same with other shares; pickers are used again. */
  withShares(shares: Float64Array): TieredPicker {
    return new TieredPicker({ tiers: this.tierSet.tiers, shares }, this.#settings, undefined, this);
  }

  /** @returns the endpoint's slot; -1 when there is none. Otherwise as {@link Picker.pick}. */
  pick(request: PickRequest, loads: TierLoads, random: Random, nowMs: number): number {
    const tier = this.pickers.length === 1 ? 0 : this.#drawTier(request, random, nowMs);
    this.pickedTier = tier;
    const picker = this.pickers[tier]!;
    const index = picker.pick(request, loads, random, nowMs);
    if (index < 0) return -1;
    const slot = picker.candidates.slots[index]!;
    if (this.#overflows === undefined) return slot;
    const other = this.#overflows[tier]?.pick(index, request, loads, random, nowMs) ?? -1;
    this.lookedBeyond = other >= 0;
    return other < 0 ? slot : other;
  }

  #drawTier(request: PickRequest, random: Random, nowMs: number): number {
    const { tiers, shares } = this.tierSet;
    const last = tiers.length - 1;
    const isHashed = this.#hashes && request.hash !== 0;
    let rest = isHashed ? (Math.imul(request.hash, GOLDEN) >>> 0) / 2 ** 32 : random.nextFloat();
    let tier = 0;
    while (tier < last && rest >= shares[tier]!) rest -= shares[tier++]!;
    // Rounding may have left a rest of almost nothing, for a tier that has no share.
    while (tier > 0 && shares[tier] === 0) tier--;
    if (tier < last && tiers[tier]!.rampFromMs !== undefined) {
      const allowed = tierShare(this.#settings, tiers[tier]!, nowMs);
      if (allowed < 1 && random.nextFloat() >= allowed) tier++;
    }
    return request.triedCount === 0 ? tier : this.#untriedTier(tier, request);
  }

  /** @returns that tier, or the next one that has an endpoint this request has not been sent to; that tier when none has. */
  #untriedTier(drawn: number, request: PickRequest): number {
    const { tiers } = this.tierSet;
    for (let step = 0; step < tiers.length; step++) {
      const tier = drawn + step < tiers.length ? drawn + step : tiers.length - 1 - step;
      const candidates = tiers[tier]!;
      if (candidates.count > request.triedCount) return tier;
      for (let i = 0; i < candidates.count; i++) if (!isTried(candidates, i, request)) return tier;
    }
    return drawn;
  }
}

function overflowsOf(
  { tiers }: TierSet,
  settings: LoadBalancing,
): readonly (OverflowPicker | undefined)[] | undefined {
  if (tiers.every(({ beyond }) => beyond === undefined)) return undefined;
  return tiers.map((tier) =>
    tier.beyond === undefined ? undefined : new OverflowPicker(tier, tier.beyond, settings),
  );
}
