import type { Random } from "../base/random.ts";
import type { CandidateSet } from "./candidate-set.ts";
import { TIER_NAMES } from "./candidate-set.ts";
import type { LeastRequestSettings } from "./least-request-picker.ts";
import { LeastRequestPicker } from "./least-request-picker.ts";
import type { PickRequest } from "./picker.ts";
import type { TierLoads } from "./tier-loads.ts";
import { isTried } from "./untried.ts";

/** An endpoint is busy when it has this many times the own streams that are usual there, and one at least. */
const BUSY_FACTOR = 2;

/**
 * Lets a proxy of a fleet go beyond its slice of a tier when what the slice's picker chose is busy with this proxy's own streams: a burst of
 * one node is much for the few endpoints of its slice, and little for all of the tier. Then endpoints are drawn from the whole tier, and of
 * the two the one with less load per weight wins, by the cluster's metric; the slice's where they are equal.
 *
 * Busy is measured by what is usual ({@link TierLoads.usual}), so that even load stays in the slice, where its endpoints are known best.
 */
export class OverflowPicker {
  readonly #slice: CandidateSet;
  readonly #beyond: CandidateSet;
  readonly #distance: number;
  readonly #settings: LeastRequestSettings;
  /** Of all of the tier; made when the slice is first busy, because its table is made of every endpoint. */
  #picker: LeastRequestPicker | undefined;

  /** @param beyond the whole tier, the slice included. */
  constructor(slice: CandidateSet, beyond: CandidateSet, settings: LeastRequestSettings) {
    this.#slice = slice;
    this.#beyond = beyond;
    this.#distance = TIER_NAMES.indexOf(slice.tier);
    this.#settings = settings;
  }

  /**
   * @param chosen index in the slice of what its picker has chosen.
   * @returns the slot of the endpoint that is picked instead; -1 where the chosen one is not busy, so that nothing was drawn.
   */
  pick(chosen: number, request: PickRequest, loads: TierLoads, random: Random, nowMs: number): number {
    const { slots, weights } = this.#slice;
    const slot = slots[chosen]!;
    const isLast = request.triedCount > 0 && isTried(this.#slice, chosen, request);
    const own = loads.own(slot);
    // Nobody's usual need be asked for where nothing is open.
    const isBusy = own >= 1 && own >= BUSY_FACTOR * loads.usual(this.#distance) * weights[chosen]!;
    if (!isBusy && !isLast) return -1;
    this.#picker ??= new LeastRequestPicker(this.#beyond, this.#settings);
    const index = this.#picker.pick(request, loads, random, nowMs);
    const other = this.#beyond.slots[index]!;
    if (other === slot) return slot;
    // The slice has nothing that was not tried: anything else is better.
    if (isLast) return isTried(this.#beyond, index, request) ? slot : other;
    const load = loads.load(slot, nowMs) * this.#beyond.weights[index]!;
    return loads.load(other, nowMs) * this.#wholeWeight(chosen) < load ? other : slot;
  }

  /** @returns all of an endpoint's weight, of which the slice has this proxy's part. A search of the tier: few picks come here, and updates look at no endpoint. */
  #wholeWeight(chosen: number): number {
    const { indexes, weights } = this.#beyond;
    const at = placeOf(indexes, this.#slice.indexes[chosen]!);
    // In a slice whose endpoints are sick, what is beyond has only those that are fit.
    return at < 0 ? this.#slice.weights[chosen]! : weights[at]!;
  }
}

/** @returns where a number is among ascending ones; -1 for one that is not there. */
function placeOf(ascending: Int32Array, number: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = ascending[middle]!;
    if (found === number) return middle;
    if (found < number) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
