import { TIER_NAMES } from "../candidate-set.ts";
import type { TierLoads } from "../tier-loads.ts";
import type { TierSet } from "../tier-set.ts";

/** Time constant of what is usual, in ms: longer than a burst, short enough to follow the time of day. */
const USUAL_MS = 10_000;

/**
 * How many own streams the endpoints of each of a cluster's tiers usually have, per unit of weight: what a burst is measured by. Survives updates; a
 * proxy that has just started knows of none, so that it goes beyond its slices early rather than late.
 *
 * Pure: to be told the time, a few times a second.
 */
export class UsualStreams {
  /** By distance. */
  readonly #perWeight = new Float64Array(TIER_NAMES.length);
  readonly #streams = new Float64Array(TIER_NAMES.length);
  readonly #weights = new Float64Array(TIER_NAMES.length);
  #observedMs = 0;

  /** @see TierLoads.usual */
  of(distance: number): number {
    return this.#perWeight[distance]!;
  }

  /** Looks at the streams of the moment. */
  observe(nowMs: number, { tiers }: TierSet, loads: Pick<TierLoads, "own">): void {
    const sinceMs = this.#observedMs === 0 ? 0 : nowMs - this.#observedMs;
    this.#observedMs = nowMs;
    const moved = sinceMs <= 0 ? 0 : 1 - Math.exp(-sinceMs / USUAL_MS);
    this.#streams.fill(0);
    this.#weights.fill(0);
    for (const { tier, slots, weights } of tiers) {
      const distance = TIER_NAMES.indexOf(tier);
      for (let i = 0; i < slots.length; i++) {
        this.#streams[distance]! += loads.own(slots[i]!);
        this.#weights[distance]! += weights[i]!;
      }
    }
    for (let distance = 0; distance < this.#perWeight.length; distance++) {
      if (this.#weights[distance] === 0) continue;
      const now = this.#streams[distance]! / this.#weights[distance]!;
      this.#perWeight[distance]! += (now - this.#perWeight[distance]!) * moved;
    }
  }
}
