import type { Random } from "../../base/random.ts";
import type { CandidateSet } from "../candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "../picker.ts";
import { isTried } from "../untried.ts";
import type { OwnPicker } from "./policy-module.ts";
import type { PolicyWatch } from "./policy-watch.ts";

/**
 * A team's own picker, of which nothing is believed: what throws, gives no candidate or takes too long is dropped, and from that very
 * pick on the spare picker serves.
 */
export class GuardedPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #own: OwnPicker;
  readonly #spare: Picker;
  readonly #watch: PolicyWatch;

  constructor(candidates: CandidateSet, own: OwnPicker, spare: Picker, watch: PolicyWatch) {
    this.candidates = candidates;
    this.#own = own;
    this.#spare = spare;
    this.#watch = watch;
  }

  pick(request: PickRequest, loads: LoadReader, random: Random, nowMs: number): number {
    const watch = this.#watch;
    if (watch.dropped !== undefined) return this.#spare.pick(request, loads, random, nowMs);
    const began = watch.begin();
    let index: number;
    try {
      index = this.#own.pick(request, loads, random, nowMs);
    } catch (error) {
      watch.drop("throws", String(error));
      return this.#spare.pick(request, loads, random, nowMs);
    }
    if (began >= 0) watch.end(began);
    const { count } = this.candidates;
    if (count === 0) return -1;
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      watch.drop("nonsense", `it gave ${String(index)}, wanted the index of one of ${count} candidates`);
      return this.#spare.pick(request, loads, random, nowMs);
    }
    // What was tried already is no fault worth dropping a policy for, but no pick either.
    if (request.triedCount > 0 && isTried(this.candidates, index, request)) {
      return this.#spare.pick(request, loads, random, nowMs);
    }
    return index;
  }
}
