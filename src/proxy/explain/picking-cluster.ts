import type { BuiltTiers } from "../../lb/built-tiers.ts";
import type { PickSource } from "../../lb/record/pick-recorder.ts";
import type { TierLoads } from "../../lb/tier-loads.ts";
import type { TieredPicker } from "../../lb/tiered-picker.ts";

/** What of a cluster is explained; a ClusterRuntime is one. */
export interface PickingCluster extends PickSource {
  /** Where each endpoint is, and why. */
  readonly built: BuiltTiers;
  /** What unrestricted requests are picked with now. */
  readonly tiered: TieredPicker;
  /** What its pickers read. */
  readonly loads: TierLoads;
}
