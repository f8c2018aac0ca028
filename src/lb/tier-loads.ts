import type { LoadReader } from "./picker.ts";

/**
 * What is read to choose beyond what a policy sees: see OverflowPicker. Like a policy's reads, each is one number, for the record
 * of a pick.
 */
export interface TierLoads extends LoadReader {
  /** @returns streams that this proxy alone, all its workers together, has open on that endpoint slot now. */
  own(slot: number): number;
  /**
   * @param distance of a tier: its name's place in TIER_NAMES.
   * @returns streams of this proxy that an endpoint of weight 1 of such a tier usually has open; 0 while that is not known.
   */
  usual(distance: number): number;
}
