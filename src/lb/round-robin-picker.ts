import type { Random } from "../base/random.ts";
import type { SlowStartSettings } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "./picker.ts";
import { rampEndMs, rampShare } from "./slow-start.ts";
import { nextUntried } from "./untried.ts";

/** 2^32 divided by the golden ratio: its multiples spread over the circle more evenly than any other number's. */
const GOLDEN_STEP = 0x9e3779b9;

/**
 * `round_robin`: one after the other, by weight, as a pure function of `request.sequence`.
 *
 * With equal weights it is the sequence modulo the count. With others, the n-th pick is the point n × golden step on a
 * circle on which each candidate has an arc as long as its weight: shares are met within a few picks at any time, and
 * the picks of one candidate lie evenly between the others', as nginx's smooth weighted round robin has it, but
 * without its running state. Source: the three-distance theorem (Sós, 1958).
 *
 * It is also what `client_side_weighted_round_robin` picks by, over weights made of reports.
 *
 * Many proxies that start at sequence 0 would all begin with the same endpoint: start at a random one.
 */
export class RoundRobinPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #arcEnds: Float64Array | undefined;
  readonly #slowStart: SlowStartSettings | null;
  readonly #rampEndMs: number;

  constructor(candidates: CandidateSet, slowStart: SlowStartSettings | null = null) {
    this.candidates = candidates;
    this.#slowStart = slowStart;
    this.#rampEndMs = rampEndMs(slowStart, candidates);
    this.#arcEnds = candidates.equalWeights ? undefined : arcEnds(candidates.weights);
  }

  pick(request: PickRequest, _loads: LoadReader, random: Random, nowMs: number): number {
    const { candidates } = this;
    if (candidates.count < 2) return candidates.count - 1;
    let index =
      this.#arcEnds === undefined
        ? request.sequence % candidates.count
        : arcAt(this.#arcEnds, Math.imul(request.sequence, GOLDEN_STEP) >>> 0);
    if (nowMs < this.#rampEndMs) {
      // The turns a new endpoint does not take yet go to the others evenly.
      const share = rampShare(this.#slowStart!, candidates.rampFromMs![index]!, nowMs);
      if (share < 1 && random.nextFloat() >= share) index = random.nextInt(candidates.count);
    }
    if (request.triedCount === 0) return index;
    const untried = nextUntried(candidates, request, index);
    return untried < 0 ? index : untried;
  }
}

/** Where on a circle of 2^32 points the arc of each candidate ends. */
function arcEnds(weights: Float64Array): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight) => {
    sum += weight;
    return (sum / total) * 2 ** 32;
  });
}

function arcAt(ends: Float64Array, point: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (point < ends[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}
