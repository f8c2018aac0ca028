import type { CandidateSet } from "../candidate-set.ts";
import { NO_SLOT, PICK_CAUSE_NAMES, READ_KIND_NAMES, ReadKind } from "./pick-layout.ts";
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
  /** Streams of this proxy alone. */
  readonly own?: number;
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
  /** Where these are a slice and it was busy, how many the whole tier has, from which was drawn as well. */
  readonly beyond?: number;
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
  const beyond = lookedBeyond(record) ? candidates?.beyond : undefined;
  return {
    cause: PICK_CAUSE_NAMES[record.cause] ?? `${record.cause}`,
    tier: candidates === undefined ? "" : tierName(candidates),
    share: view.shares[tier] ?? 0,
    candidates: candidates?.count ?? 0,
    ...(beyond === undefined ? {} : { beyond: beyond.count }),
    drawn: slots.map((slot) => ({
      endpoint: names.address(slot),
      zone: names.zone(slot),
      weight: weightOf(candidates, slot) ?? weightOf(beyond, slot) ?? 0,
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

/** Whether it went beyond a slice: what is looked at there comes after the own streams of what the slice chose. */
function lookedBeyond({ reads }: PickRecord): boolean {
  const own = reads.findIndex(({ kind }) => kind === ReadKind.own);
  return own >= 0 && reads.some(({ slot }, i) => i > own && slot !== NO_SLOT);
}

function weightOf(candidates: CandidateSet | undefined, slot: number): number | undefined {
  return candidates?.weights[candidates.slots.indexOf(slot)];
}
