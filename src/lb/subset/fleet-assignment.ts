import { BestScores } from "./best-scores.ts";
import { pairScores } from "./pair-scores.ts";

/** What a {@link FleetAssignment} is made of. */
export interface FleetAssignmentOptions {
  /** A number for each proxy, from its name ({@link hashText}): at least one. */
  readonly members: Uint32Array;
  /** The same for each endpoint. */
  readonly endpoints: Uint32Array;
  /** Of the endpoints, more than 0. */
  readonly weights: Float64Array;
  /** Endpoints per proxy, at least. */
  readonly minEndpoints: number;
  /** Proxies per endpoint, at least; more for one of more weight. */
  readonly coverage: number;
}

/** The load on all endpoints is as even as this when it is good enough, and looked for so many times at most. */
const EVEN = 0.02;
const MAX_ROUNDS = 40;
/** Load on an endpoint, relative to what it is to have, beyond which proxies use more endpoints: parts cannot even out what one of few gets. */
const UNEVEN = 1.5;
/** What an endpoint that is used gets at least, relative to the mean: a connection is to be worth it. */
const LEAST_PART = 0.1;
/** An endpoint has at least this part of the proxies that are usual, where these are few: else chance would leave some with hardly any. */
const LEAST_PROXIES_SHARE = 0.5;
const MOST_CHOSEN_PROXIES = 8;

/**
 * Which proxies of a fleet send to which endpoints, and what part of its traffic each gives to each, for proxies that all have as much.
 *
 * Every pair of a proxy and an endpoint has a score of its own, from their names. A proxy uses the endpoints with the highest scores for it, and an
 * endpoint is used by the proxies with the highest scores for it: so a proxy or an endpoint more or less changes no pair but by taking a place among the
 * best. That alone would load endpoints unevenly, by chance; the parts make up for it. They are found by turns: each proxy's add up to its traffic, each
 * endpoint's to its load, until both do.
 *
 * Whoever knows the same names has the same assignment. Takes about 5 ns per pair.
 *
 * Sources: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (rendezvous hashing); Sinkhorn and Knopp, "Concerning nonnegative matrices and doubly
 * stochastic matrices".
 */
export class FleetAssignment {
  /** Where each proxy's pairs begin, and after the last where they end. */
  readonly #starts: Int32Array;
  /** By pair: the endpoint's place, and what part of the proxy's traffic it gets. */
  readonly #endpoints: Int32Array;
  readonly #parts: Float64Array;

  constructor(options: FleetAssignmentOptions) {
    const { members, endpoints, weights } = options;
    for (let minEndpoints = options.minEndpoints; ; minEndpoints *= 2) {
      const lists = choose({ ...options, minEndpoints });
      this.#starts = new Int32Array(members.length + 1);
      lists.forEach((list, member) => {
        this.#starts[member + 1] = this.#starts[member]! + list.length;
      });
      this.#endpoints = new Int32Array(this.#starts[members.length]!);
      lists.forEach((list, member) => {
        this.#endpoints.set(list, this.#starts[member]);
      });
      this.#parts = new Float64Array(this.#endpoints.length).fill(1);
      const most = this.#level(weights, members.length, endpoints.length);
      if (most <= UNEVEN || minEndpoints >= endpoints.length) return;
    }
  }

  /** Calls `take` for each endpoint that a proxy uses, with the part of the proxy's traffic that it gets, together about 1. */
  each(member: number, take: (endpoint: number, part: number) => void): void {
    for (let pair = this.#starts[member]!; pair < this.#starts[member + 1]!; pair++) {
      take(this.#endpoints[pair]!, this.#parts[pair]!);
    }
  }

  /** @returns the most that an endpoint gets, relative to what it is to have. */
  #level(weights: Float64Array, members: number, count: number): number {
    const endpoints = this.#endpoints;
    const parts = this.#parts;
    const total = sumOf(weights);
    const loads = new Float64Array(count);
    let most = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      loads.fill(0);
      this.#fillMembers(loads);
      let isEven = true;
      most = 0;
      for (let i = 0; i < loads.length; i++) {
        loads[i] = (loads[i]! * total) / (weights[i]! * members);
        if (loads[i]! > most) most = loads[i]!;
        if (loads[i]! < 1 - EVEN || loads[i]! > 1 + EVEN) isEven = false;
      }
      if (isEven) return most;
      for (let pair = 0; pair < parts.length; pair++) parts[pair]! /= loads[endpoints[pair]!]!;
    }
    this.#fillMembers(loads);
    return most;
  }

  /** Makes the parts of each proxy add up to 1, about. @param loads what endpoints get is added. */
  #fillMembers(loads: Float64Array): void {
    const starts = this.#starts;
    const endpoints = this.#endpoints;
    const parts = this.#parts;
    for (let member = 0; member + 1 < starts.length; member++) {
      let sum = 0;
      for (let pair = starts[member]!; pair < starts[member + 1]!; pair++) sum += parts[pair]!;
      const least = LEAST_PART / (starts[member + 1]! - starts[member]!);
      for (let pair = starts[member]!; pair < starts[member + 1]!; pair++) {
        parts[pair] = Math.max(least, parts[pair]! / sum);
        loads[endpoints[pair]!]! += parts[pair]!;
      }
    }
  }
}

/** @returns the endpoints of each proxy, each once. */
function choose(options: FleetAssignmentOptions): number[][] {
  const { members, endpoints, weights, minEndpoints } = options;
  const ofMember = new BestScores(1, Math.min(minEndpoints, endpoints.length));
  const least = proxiesPerEndpoint(options);
  const ofEndpoint = new BestScores(endpoints.length, least);
  const scores = new Float64Array(endpoints.length);
  const lists = Array.from(members, (member, number) => {
    pairScores(member, endpoints, weights, scores);
    ofMember.clear();
    offerAll(scores, number, ofMember, ofEndpoint);
    return ofMember.bestFirst(0);
  });
  const chosen: Set<number>[] = Array.from(endpoints, () => new Set());
  lists.forEach((list, member) => {
    for (const endpoint of list) chosen[endpoint]!.add(member);
  });
  for (let endpoint = 0; endpoint < endpoints.length; endpoint++) {
    let missing = least[endpoint]! - chosen[endpoint]!.size;
    for (const member of ofEndpoint.bestFirst(endpoint)) {
      if (missing <= 0) break;
      if (chosen[endpoint]!.has(member)) continue;
      lists[member]!.push(endpoint);
      missing--;
    }
  }
  return lists;
}

function offerAll(scores: Float64Array, member: number, ofMember: BestScores, ofEndpoint: BestScores): void {
  const { bars } = ofEndpoint;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score > ofMember.bars[0]!) ofMember.offer(0, score, i);
    if (score > bars[i]!) ofEndpoint.offer(i, score, member);
  }
}

/** @returns by endpoint how many proxies it has at least. */
function proxiesPerEndpoint(options: FleetAssignmentOptions): Float64Array {
  const { members, endpoints, weights, minEndpoints, coverage } = options;
  const usual = (minEndpoints * members.length) / endpoints.length;
  const least = Math.max(coverage, Math.min(MOST_CHOSEN_PROXIES, LEAST_PROXIES_SHARE * usual));
  const mean = sumOf(weights) / weights.length;
  // A part of a proxy is one at some endpoints: else one node more could ask for another proxy at each.
  return weights.map((weight, i) => {
    const wanted = (least * weight) / mean + endpoints[i]! / 2 ** 32;
    return Math.min(members.length, Math.max(Math.ceil(coverage), Math.floor(wanted)));
  });
}

function sumOf(numbers: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]!;
  return sum;
}
