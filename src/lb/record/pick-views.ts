import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { TierSet } from "../tier-set.ts";
import type { PickView } from "./pick-view.ts";

/** Memory of views that is kept at most, in octets; the one least lately picked from is given up first. */
const MAX_OCTETS = 8 * 1_048_576;
/** What a candidate takes in its columns, and a view beside them, in octets: near enough for a limit. */
const CANDIDATE_OCTETS = 40;
const VIEW_OCTETS = 512;

interface KeptView extends PickView {
  readonly octets: number;
  /** Records in the ring that name it. */
  records: number;
  lastUse: number;
}

/**
 * The views that the records of a ring were made from. A view is kept by reference as long as a record names it and the limit
 * of memory allows; a record whose view was given up can be shown no more.
 */
export class PickViews {
  readonly #maxOctets: number;
  readonly #byTiers = new WeakMap<TierSet, KeptView>();
  readonly #byNumber = new Map<number, KeptView>();
  readonly #snapshots = new Map<ClusterSnapshot, number>();
  #octets = 0;
  #number = 0;
  #uses = 0;

  constructor(maxOctets: number = MAX_OCTETS) {
    this.#maxOctets = maxOctets;
  }

  /** Views given up for want of memory, that records still named. */
  givenUp = 0;

  /** Notes that a record is to name what was picked from. @returns the view's number. */
  take(tiers: TierSet, snapshot: ClusterSnapshot): number {
    let kept = this.#byTiers.get(tiers);
    if (kept === undefined || this.#byNumber.get(kept.number) !== kept) kept = this.#add(tiers, snapshot);
    kept.records++;
    kept.lastUse = ++this.#uses;
    return kept.number;
  }

  /** A record that names it is gone. */
  drop(number: number): void {
    const kept = this.#byNumber.get(number);
    if (kept !== undefined && --kept.records === 0) this.#remove(kept);
  }

  /** @returns undefined for one that is gone. */
  get(number: number): PickView | undefined {
    return this.#byNumber.get(number);
  }

  all(): Iterable<PickView> {
    return this.#byNumber.values();
  }

  #add(tiers: TierSet, snapshot: ClusterSnapshot): KeptView {
    const candidates = tiers.tiers.reduce((sum, tier) => sum + tier.count + (tier.beyond?.count ?? 0), 0);
    const kept: KeptView = {
      number: ++this.#number,
      snapshot,
      tiers: tiers.tiers,
      shares: tiers.shares,
      octets: VIEW_OCTETS + candidates * CANDIDATE_OCTETS,
      records: 0,
      lastUse: 0,
    };
    this.#byTiers.set(tiers, kept);
    const users = this.#snapshots.get(snapshot) ?? 0;
    this.#snapshots.set(snapshot, users + 1);
    this.#octets += kept.octets + (users === 0 ? snapshot.buffer.byteLength : 0);
    while (this.#octets > this.#maxOctets && this.#byNumber.size > 0) this.#giveUpOldest();
    this.#byNumber.set(kept.number, kept);
    return kept;
  }

  #giveUpOldest(): void {
    let oldest: KeptView | undefined;
    for (const kept of this.#byNumber.values())
      if (oldest === undefined || kept.lastUse < oldest.lastUse) oldest = kept;
    this.#remove(oldest!);
    this.givenUp++;
  }

  #remove(kept: KeptView): void {
    this.#byNumber.delete(kept.number);
    const users = this.#snapshots.get(kept.snapshot)! - 1;
    if (users > 0) this.#snapshots.set(kept.snapshot, users);
    else this.#snapshots.delete(kept.snapshot);
    this.#octets -= kept.octets + (users === 0 ? kept.snapshot.buffer.byteLength : 0);
  }
}
