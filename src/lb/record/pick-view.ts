import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { CandidateSet } from "../candidate-set.ts";
import type { TierSet } from "../tier-set.ts";

/**
 * What picks were made from between two changes: of endpoints, of what is set aside, of weights or of shares. With a view, a
 * record of a pick says all that its result depends on.
 */
export interface PickView extends TierSet {
  /** Given by the worker, from 1. */
  readonly number: number;
  readonly snapshot: ClusterSnapshot;
}

/** @returns which tier has an endpoint's slot among its candidates; -1 for none. */
export function tierOf({ tiers }: TierSet, slot: number): number {
  return tiers.findIndex((tier) => tier.slots.includes(slot));
}

/** @returns a tier in words: how near it is, and what else sets it apart. */
export function tierName({ tier, priority, panic }: CandidateSet): string {
  return `${tier}${priority > 0 ? `, priority ${priority}` : ""}${panic ? ", panic" : ""}`;
}
