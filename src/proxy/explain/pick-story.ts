import type { PickAccount } from "../../lb/record/describe-pick.ts";
import type { TierSet } from "../../lb/tier-set.ts";

/** Picks of one request that are told; a request that waits in line may be picked for more often. */
const MAX_PICKS = 12;

/** What has become of a request whose client asked, as far as picking goes. */
export class PickStory {
  /** The namespace of who asked, where it is a pod that is known as one: of other namespaces' endpoints it is not told. */
  readonly namespace: string | undefined;
  /** In order; beyond {@link MAX_PICKS} the first and the newest. */
  readonly picks: PickAccount[] = [];
  /** Why it was sent to another endpoint, each time. */
  readonly moves: string[] = [];
  /** What the newest pick was made from, and which of its tiers. */
  tierSet: TierSet | undefined;
  pickedTier = 0;
  /** Whether it looked beyond that tier's slice. */
  lookedBeyond = false;

  constructor(namespace?: string) {
    this.namespace = namespace;
  }

  add(pick: PickAccount): void {
    if (this.picks.length === MAX_PICKS) this.picks.splice(1, 1);
    this.picks.push(pick);
  }
}
