import type { CandidateSet } from "../../src/lb/candidate-set.ts";
import type { OwnPicker } from "../../src/lb/module/policy-module.ts";
import type { LoadReader, PickRequest } from "../../src/lb/picker.ts";

/** Streams that the warm endpoint may have more than the other one. */
const PATIENCE = 4;

/**
 * Sends a request where the last one with the same hash went (its data is warm there), unless that endpoint is much busier than one
 * drawn at random. `hash.keys` in the configuration says what is hashed.
 */
export function createPicker(candidates: CandidateSet): OwnPicker {
  const { count, slots } = candidates;

  /** The first candidate from an index on that the request has not been sent to; the index itself when there is none. */
  function untried(index: number, request: PickRequest): number {
    for (let step = 0; step < count; step++) {
      const at = (index + step) % count;
      if (!request.tried.subarray(0, request.triedCount).includes(slots[at]!)) return at;
    }
    return index;
  }

  return {
    pick(request, loads: LoadReader, random, nowMs) {
      if (count < 2) return count - 1;
      const other = untried(random.nextInt(count), request);
      if (request.hash === 0) return other;
      const warm = untried(request.hash % count, request);
      if (warm === other) return warm;
      const isBusy = loads.load(slots[warm]!, nowMs) > loads.load(slots[other]!, nowMs) + PATIENCE;
      return isBusy ? other : warm;
    },
  };
}
