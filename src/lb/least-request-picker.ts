import type { Random } from "../base/random.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";
import { AliasTable } from "./alias-table.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "./picker.ts";
import { rampEndMs, rampShare } from "./slow-start.ts";
import { drawUntried, isTried } from "./untried.ts";

/** Draws by weight that may hit a candidate again before the exact, slower draw among the others is made. */
const REDRAWS = 4;

/** By how many streams loads have to differ, on each side, before weights are compared by them. In a slice of a fleet, where weights differ by parts that mean little: less. */
const TIE_STREAMS = 0.5;
const SLICE_TIE_STREAMS = 0.3;

/** The settings that matter to it. */
export type LeastRequestSettings = Pick<LoadBalancing, "choiceCount" | "slowStart"> &
  Partial<Pick<LoadBalancing, "metric">>;

const PLAIN: LeastRequestSettings = { choiceCount: 2, slowStart: null };

/**
 * `least_request`: the least loaded, in proportion to weight, of two (or `choiceCount`) distinct candidates drawn by weight. Load is the
 * cluster's metric. Choices of two avoid the herd that "the least loaded of all" makes of many proxies with the same stale view.
 *
 * A new endpoint (slow start) of share r is passed over with a chance of 1 − r, and never gets more in flight than r times what
 * the other candidate has for its weight: a cap that holds also when it is idle, or slow because it is cold.
 *
 * Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001; Envoy's LEAST_REQUEST.
 */
export class LeastRequestPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #byWeight: AliasTable | undefined;
  readonly #choiceCount: number;
  readonly #settings: LeastRequestSettings;
  readonly #rampEndMs: number;
  /** What loads are compared by: of a proxy's own streams its part of an endpoint has its part, of what the endpoint itself is like it has all. */
  readonly #capacities: Float64Array;
  readonly #tieStreams: number;
  /** Candidates drawn for the present pick. */
  readonly #drawn: Int32Array;

  constructor(candidates: CandidateSet, settings: LeastRequestSettings = PLAIN) {
    this.candidates = candidates;
    this.#settings = settings;
    const { weights, capacities } = candidates;
    this.#capacities = settings.metric === "in_flight" ? weights : (capacities ?? weights);
    this.#tieStreams = capacities === undefined ? TIE_STREAMS : SLICE_TIE_STREAMS;
    this.#choiceCount = settings.choiceCount;
    this.#rampEndMs = rampEndMs(settings.slowStart, candidates);
    this.#byWeight = candidates.equalWeights ? undefined : new AliasTable(candidates.weights);
    this.#drawn = new Int32Array(settings.choiceCount);
  }

  pick(request: PickRequest, loads: LoadReader, random: Random, nowMs: number): number {
    const { candidates } = this;
    if (candidates.count < 2) return candidates.count - 1;
    if (nowMs < this.#rampEndMs || this.#choiceCount > 2) {
      return this.#pickOfMany(request, loads, random, nowMs);
    }
    if (request.triedCount > 0) {
      const first = drawUntried(candidates, request, -1, random);
      if (first >= 0) {
        const second = drawUntried(candidates, request, first, random);
        return second < 0 ? first : this.#lessLoaded(first, second, loads, nowMs);
      }
    }
    if (this.#byWeight !== undefined) {
      return this.#pickByWeight(this.#byWeight, request, loads, random, nowMs);
    }
    // Draw without replacement: shrink the second range by one, then step over the first draw.
    const first = random.nextInt(candidates.count);
    let second = random.nextInt(candidates.count - 1);
    if (second >= first) second++;
    return this.#lessLoaded(first, second, loads, nowMs);
  }

  #pickByWeight(
    byWeight: AliasTable,
    request: PickRequest,
    loads: LoadReader,
    random: Random,
    nowMs: number,
  ): number {
    const first = byWeight.draw(random);
    let second = byWeight.draw(random);
    for (let redraw = 0; second === first && redraw < REDRAWS; redraw++) second = byWeight.draw(random);
    if (second === first) second = drawUntried(this.candidates, request, first, random);
    // Where all have been tried there is no other.
    if (second < 0) return first;
    return this.#lessLoaded(first, second, loads, nowMs);
  }

  /**
   * The second candidate wins only when it is less loaded by at least half a stream of each; anything closer is a tie
   * and goes to the first draw, which is by weight. With equal weights that is "has fewer streams". With others,
   * comparing streams / weight would flood a light endpoint while few streams are in flight, and (streams + 1) / weight
   * starve it: of 8 streams, a canary of weight 1 beside 99 would get 12 times its share, or nothing. Half a stream makes a tie of one against
   * none as soon as weights differ at all, which is much for parts that differ by a third: in a simulated fleet p99 was 10 % higher.
   *
   * Shares are within 3 % once twice the sum of the weights is in flight. Below that, streams being whole, a light
   * endpoint may be a quarter off.
   */
  #lessLoaded(first: number, second: number, loads: LoadReader, nowMs: number): number {
    const { slots } = this.candidates;
    const capacities = this.#capacities;
    const tie = this.#tieStreams;
    const firstLoad = loads.load(slots[first]!, nowMs);
    const secondLoad = loads.load(slots[second]!, nowMs);
    const secondWins = (secondLoad + tie) * capacities[first]! <= (firstLoad - tie) * capacities[second]!;
    return secondWins ? second : first;
  }

  /** More choices than two, or new endpoints among the candidates: each draw is compared with the best one before it. */
  #pickOfMany(request: PickRequest, loads: LoadReader, random: Random, nowMs: number): number {
    const { slots, weights } = this.candidates;
    const isRamping = nowMs < this.#rampEndMs;
    const wanted = Math.min(this.#choiceCount, this.candidates.count);
    let drawn = 0;
    let best = -1;
    let bestLoad = 0;
    let bestShare = 1;
    while (drawn < wanted) {
      const index = this.#drawAnother(request, drawn, random);
      if (index < 0) break;
      this.#drawn[drawn++] = index;
      const load = loads.load(slots[index]!, nowMs);
      const share = isRamping ? this.#share(index, nowMs) : 1;
      if (best >= 0 && !this.#wins(index, load, share, best, bestLoad, bestShare, random)) continue;
      best = index;
      bestLoad = load;
      bestShare = share;
    }
    if (best >= 0) return best;
    // All have been tried: any of them, by weight.
    return this.#byWeight === undefined ? random.nextInt(weights.length) : this.#byWeight.draw(random);
  }

  /** Whether a candidate drawn later takes the place of the best so far. */
  #wins(
    index: number,
    load: number,
    share: number,
    best: number,
    bestLoad: number,
    bestShare: number,
    random: Random,
  ): boolean {
    const tie = this.#tieStreams;
    const weight = this.#capacities[index]! * share;
    const bestWeight = this.#capacities[best]! * bestShare;
    const isLess = (load + tie) * bestWeight <= (bestLoad - tie) * weight;
    if (share === bestShare) return isLess;
    // The older one of the two gives the measure for the younger one, whichever would have won.
    const isYounger = share < bestShare;
    const younger = isYounger ? share / bestShare : bestShare / share;
    const fits = isYounger
      ? load < 0.5 || (load + 1) * bestWeight <= (bestLoad + 1) * weight
      : bestLoad < 0.5 || (bestLoad + 1) * weight <= (load + 1) * bestWeight;
    if (!fits || random.nextFloat() >= younger) return !isYounger;
    return isLess;
  }

  #share(index: number, nowMs: number): number {
    const { slowStart } = this.#settings;
    const { rampFromMs } = this.candidates;
    return slowStart === null || rampFromMs === undefined
      ? 1
      : rampShare(slowStart, rampFromMs[index]!, nowMs);
  }

  /** Draws by weight among the candidates neither tried nor drawn; -1 when none is left. */
  #drawAnother(request: PickRequest, drawn: number, random: Random): number {
    const { candidates } = this;
    for (let redraw = 0; redraw < REDRAWS; redraw++) {
      const index =
        this.#byWeight === undefined ? random.nextInt(candidates.count) : this.#byWeight.draw(random);
      if (!this.#isDrawn(index, drawn) && !isTried(candidates, index, request)) return index;
    }
    let total = 0;
    for (let i = 0; i < candidates.count; i++) {
      if (!this.#isDrawn(i, drawn) && !isTried(candidates, i, request)) total += candidates.weights[i]!;
    }
    if (total === 0) return -1;
    let rest = random.nextFloat() * total;
    let last = -1;
    for (let i = 0; i < candidates.count; i++) {
      if (this.#isDrawn(i, drawn) || isTried(candidates, i, request)) continue;
      last = i;
      rest -= candidates.weights[i]!;
      if (rest < 0) return i;
    }
    // Rounding may leave a rest of almost nothing.
    return last;
  }

  #isDrawn(index: number, drawn: number): boolean {
    for (let i = 0; i < drawn; i++) if (this.#drawn[i] === index) return true;
    return false;
  }
}
