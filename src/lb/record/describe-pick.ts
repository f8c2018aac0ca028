import { NO_SLOT, PICK_CAUSE_NAMES, READ_KIND_NAMES } from "./pick-layout.ts";
import type { PickRecord } from "./pick-record.ts";
import type { PickView } from "./pick-view.ts";
import { tierName, tierOf } from "./pick-view.ts";
import { SlotNames } from "./slot-names.ts";

/** An endpoint that a pick looked at, and the numbers it read of it. Which of them there are is the policy's affair. */
export interface DrawnEndpoint {
  /** `address:port`. */
  readonly endpoint: string;
  readonly zone: string;
  readonly weight: number;
  readonly inFlight?: number;
  /** The cluster's metric, in equivalent streams. */
  readonly load?: number;
}

/** A recorded pick in words, for people and JSON. */
export interface PickAccount {
  /** Why a pick was made: `first`, `full` (the one before had no room), `again` (moved or retried), `connection`. */
  readonly cause: string;
  /** Name of the tier picked from, and its share of the picks; "" when the cluster has no candidate. */
  readonly tier: string;
  readonly share: number;
  /** How many candidates the tier has. */
  readonly candidates: number;
  /** In the order in which they were looked at; empty for a policy that looks at no load. */
  readonly drawn: readonly DrawnEndpoint[];
  /** `address:port`, "" for none. */
  readonly winner: string;
  /** Endpoints the request had been sent to before. */
  readonly tried: readonly string[];
}

/** Tells a recorded pick. @param view the one that the record names. */
export function describePick(record: PickRecord, view: PickView): PickAccount {
  const names = new SlotNames(view.snapshot);
  const slots = [...new Set(record.reads.map(({ slot }) => slot).filter((slot) => slot !== NO_SLOT))];
  const tier = tierOf(view, slots[0] ?? record.picked);
  const candidates = view.tiers[tier];
  return {
    cause: PICK_CAUSE_NAMES[record.cause] ?? `${record.cause}`,
    tier: candidates === undefined ? "" : tierName(candidates),
    share: view.shares[tier] ?? 0,
    candidates: candidates?.count ?? 0,
    drawn: slots.map((slot) => ({
      endpoint: names.address(slot),
      zone: names.zone(slot),
      weight: candidates?.weights[candidates.slots.indexOf(slot)] ?? 0,
      ...Object.fromEntries(
        record.reads
          .filter((read) => read.slot === slot)
          .map(({ kind, value }) => [READ_KIND_NAMES[kind], value]),
      ),
    })),
    winner: record.picked < 0 ? "" : names.address(record.picked),
    tried: record.tried.map((slot) => names.address(slot)),
  };
}
