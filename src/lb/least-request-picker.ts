import type { Random } from "../base/random.ts";
import { AliasTable } from "./alias-table.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "./picker.ts";
import { drawUntried } from "./untried.ts";

/** Draws by weight that may hit the first candidate again before the exact, slower draw among the others is made. */
const REDRAWS = 4;

/**
 * `least_request`: the less loaded of two distinct candidates drawn by weight (power of two choices), load being the
 * streams in flight in proportion to weight. Choices of two avoid the herd that "the least loaded of all" makes of
 * many proxies with the same stale view.
 *
 * Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001; Envoy's LEAST_REQUEST.
 */
export class LeastRequestPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #byWeight: AliasTable | undefined;

  constructor(candidates: CandidateSet) {
    this.candidates = candidates;
    this.#byWeight = candidates.equalWeights ? undefined : new AliasTable(candidates.weights);
  }

  pick(request: PickRequest, loads: LoadReader, random: Random): number {
    const { candidates } = this;
    if (candidates.count < 2) return candidates.count - 1;
    if (request.triedCount > 0) {
      const first = drawUntried(candidates, request, -1, random);
      if (first >= 0) {
        const second = drawUntried(candidates, request, first, random);
        return second < 0 ? first : this.#lessLoaded(first, second, loads);
      }
    }
    if (this.#byWeight !== undefined) return this.#pickByWeight(this.#byWeight, request, loads, random);
    // Draw without replacement: shrink the second range by one, then step over the first draw.
    const first = random.nextInt(candidates.count);
    let second = random.nextInt(candidates.count - 1);
    if (second >= first) second++;
    return this.#lessLoaded(first, second, loads);
  }

  #pickByWeight(byWeight: AliasTable, request: PickRequest, loads: LoadReader, random: Random): number {
    const first = byWeight.draw(random);
    let second = byWeight.draw(random);
    for (let redraw = 0; second === first && redraw < REDRAWS; redraw++) second = byWeight.draw(random);
    if (second === first) second = drawUntried(this.candidates, request, first, random);
    return this.#lessLoaded(first, second, loads);
  }

  /**
   * The second candidate wins only when it is less loaded by at least half a stream of each; anything closer is a tie
   * and goes to the first draw, which is by weight. With equal weights that is "has fewer streams". With others,
   * comparing streams / weight would flood a light endpoint while few streams are in flight, and (streams + 1) / weight
   * starve it: of 8 streams, a canary of weight 1 beside 99 would get 12 times its share, or nothing.
   *
   * Shares are within 3 % once twice the sum of the weights is in flight. Below that, streams being whole, a light
   * endpoint may be a quarter off.
   */
  #lessLoaded(first: number, second: number, loads: LoadReader): number {
    const { slots, weights } = this.candidates;
    const firstLoad = loads.inFlight(slots[first]!);
    const secondLoad = loads.inFlight(slots[second]!);
    const secondWins = (secondLoad + 0.5) * weights[first]! <= (firstLoad - 0.5) * weights[second]!;
    return secondWins ? second : first;
  }
}
