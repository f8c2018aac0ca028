import type { CandidateSet } from "./candidate-set.ts";

/**
 * The candidates of a cluster by nearness, and how its requests are shared out among them. Plain data and immutable: other shares are
 * another object, which may have the same tiers.
 */
export interface TierSet {
  /** By priority, then distance; at least one, which is empty when there is no candidate at all. */
  readonly tiers: readonly CandidateSet[];
  /** Share of the requests by tier, 0 to 1, together 1. A tier of share 0 takes what has tried all of the others. */
  readonly shares: Float64Array;
}
