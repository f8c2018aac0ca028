import { mixBits } from "../base/hash-octets.ts";
import type { Random } from "../base/random.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "./picker.ts";
import { isTried } from "./untried.ts";

/**
 * A table of places around a circle, each with a candidate: what the hashing policies differ in. Made of the candidates alone, so
 * that all proxies that know the same endpoints send a hash to the same one.
 */
export interface HashTable {
  /** Candidate index by place. */
  readonly owners: Uint16Array;
  /** @param hash 0 to 2^32 - 1. @returns the place it falls on. */
  placeOf(hash: number): number;
}

/**
 * Sends requests with equal hashes to the same candidate. One that was tried before, or has more than its bounded load, is passed
 * over for the owner of the next place; so what an endpoint cannot take spreads over all the others, and comes back after. A
 * request without a hash falls on a random place.
 *
 * Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018; Envoy, hash_balance_factor.
 */
export abstract class HashPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #balance: number;
  readonly #totalWeight: number;
  /** By candidate: the walk that has passed it. */
  readonly #passedIn: Uint32Array;
  #walk = 0;
  #table: HashTable | undefined;

  /** @param balanceFactor most load in percent of the mean, 100 or more; 0 for no bound. */
  constructor(candidates: CandidateSet, balanceFactor: number) {
    this.candidates = candidates;
    this.#balance = balanceFactor / 100;
    this.#totalWeight = candidates.weights.reduce((sum, weight) => sum + weight, 0);
    this.#passedIn = new Uint32Array(candidates.count);
  }

  protected abstract build(): HashTable;

  /** Makes the table, which the first pick would have to do otherwise: up to some milliseconds. */
  prepare(): void {
    if (this.candidates.count > 1) this.#table ??= this.build();
  }

  pick(request: PickRequest, loads: LoadReader, random: Random, nowMs: number): number {
    const { candidates } = this;
    if (candidates.count < 2) return candidates.count - 1;
    this.#table ??= this.build();
    const hash = request.hash === 0 ? mixBits(random.nextFloat() * 2 ** 32) : request.hash;
    const place = this.#table.placeOf(hash);
    if (this.#balance === 0 && request.triedCount === 0) return this.#table.owners[place]!;
    return this.#walkOn(this.#table.owners, place, request, loads, nowMs);
  }

  #walkOn(
    owners: Uint16Array,
    place: number,
    request: PickRequest,
    loads: LoadReader,
    nowMs: number,
  ): number {
    const { slots, weights, count } = this.candidates;
    if (++this.#walk > 0xffffffff) {
      this.#passedIn.fill(0);
      this.#walk = 1;
    }
    // With this request in it, the mean is of one stream more.
    const perWeight =
      this.#balance === 0 ? 0 : (this.#balance * (loads.total(nowMs) + 1)) / this.#totalWeight;
    let first = -1;
    let passed = 0;
    let at = place;
    for (let steps = 0; steps < owners.length && passed < count; steps++) {
      const index = owners[at]!;
      if (++at === owners.length) at = 0;
      if (this.#passedIn[index] === this.#walk) continue;
      this.#passedIn[index] = this.#walk;
      passed++;
      if (isTried(this.candidates, index, request)) continue;
      if (perWeight === 0) return index;
      if (first < 0) first = index;
      if (loads.inFlight(slots[index]!, nowMs) < Math.ceil(perWeight * weights[index]!)) return index;
    }
    // Nobody has room: loads have changed while they were read. Or all were tried.
    return first >= 0 ? first : this.#otherThanTried(request, owners[place]!);
  }

  /** A light candidate may have no place at all. */
  #otherThanTried(request: PickRequest, owner: number): number {
    for (let index = 0; index < this.candidates.count; index++) {
      if (!isTried(this.candidates, index, request)) return index;
    }
    return owner;
  }
}
