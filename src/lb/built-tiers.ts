import type { CandidateSet } from "./candidate-set.ts";
import { LeftOut } from "./left-out.ts";
import type { TierSet } from "./tier-set.ts";

/** What build-tiers.ts makes of a snapshot: the tiers with their shares by health, and for people where each endpoint is. */
export class BuiltTiers implements TierSet {
  readonly tiers: readonly CandidateSet[];
  readonly shares: Float64Array;
  /** Undefined where all are LeftOut.not. */
  readonly #reasons: Uint8Array | undefined;
  readonly #count: number;
  readonly #isCut: boolean;

  /**
   * @param reasons LeftOut by index in the snapshot; those of endpoints that are candidates all the same do not count. Undefined: none is left out.
   * @param count of endpoints in the snapshot.
   * @param isCut this proxy uses a part of some tier: what is fit and no candidate is outside of it.
   */
  constructor(
    tiers: readonly CandidateSet[],
    shares: Float64Array,
    reasons: Uint8Array | undefined,
    count: number,
    isCut = false,
  ) {
    this.tiers = tiers;
    this.shares = shares;
    this.#reasons = reasons;
    this.#count = count;
    this.#isCut = isCut;
  }

  /** @returns the tier an endpoint is a candidate of, by its index in the snapshot; -1 for none. */
  tierAt(index: number): number {
    return this.tiers.findIndex(({ indexes }) => indexes.includes(index));
  }

  /** @returns why an endpoint, by its index in the snapshot, is no candidate. */
  leftOut(index: number): LeftOut {
    if (this.tierAt(index) >= 0) return LeftOut.not;
    const reason = (this.#reasons?.[index] ?? LeftOut.not) as LeftOut;
    return reason === LeftOut.not && this.#isCut ? LeftOut.notInSubset : reason;
  }

  /** @returns the same with each tier changed, but not its endpoints. */
  map(change: (tier: CandidateSet) => CandidateSet): BuiltTiers {
    const changeAll = (tier: CandidateSet): CandidateSet =>
      tier.beyond === undefined ? change(tier) : { ...change(tier), beyond: change(tier.beyond) };
    return new BuiltTiers(this.tiers.map(changeAll), this.shares, this.#reasons, this.#count, this.#isCut);
  }

  /** @returns {@link leftOut} of all endpoints, by index in the snapshot: cheaper than asking for each. */
  allLeftOut(): Uint8Array {
    const reasons = this.#reasons?.slice() ?? new Uint8Array(this.#count);
    if (this.#isCut) {
      for (let i = 0; i < reasons.length; i++)
        if (reasons[i] === LeftOut.not) reasons[i] = LeftOut.notInSubset;
    }
    for (const { indexes } of this.tiers) for (const index of indexes) reasons[index] = LeftOut.not;
    return reasons;
  }

  /** Whether health is ignored on any tier. */
  get panic(): boolean {
    return this.tiers.some(({ panic }) => panic);
  }
}
