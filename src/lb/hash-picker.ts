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

/** The table of an earlier set of candidates, and their slots. */
interface FormerTable {
  readonly table: HashTable;
  readonly slots: Int32Array;
  /** By former candidate: the present one's index, -1 for one that is none, -2 while nobody has asked. */
  readonly indexes: Int32Array;
}

const NOT_ASKED = -2;

/**
 * Sends requests with equal hashes to the same candidate. One that was tried before, or has more than its bounded load, is passed
 * over for the owner of the next place; so what an endpoint cannot take spreads over all the others, and comes back after. A
 * request without a hash falls on a random place.
 *
 * A table of thousands of candidates takes milliseconds, so it is made in shares ({@link prepare}). Until it is there, hashes fall on the table of the
 * picker before it, whose candidates are these but for a few: nobody else waits, and hardly a hash is elsewhere.
 *
 * Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018; Envoy, hash_balance_factor.
 */
export abstract class HashPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #balance: number;
  #totalWeight = 0;
  /** By candidate: the walk that has passed it. Made for the first walk. */
  #passedIn: Uint32Array | undefined;
  #walk = 0;
  #table: HashTable | undefined;
  #building: Generator<void, HashTable> | undefined;
  #former: FormerTable | undefined;

  /** @param balanceFactor most load in percent of the mean, 100 or more; 0 for no bound. */
  constructor(candidates: CandidateSet, balanceFactor: number) {
    this.candidates = candidates;
    this.#balance = balanceFactor / 100;
  }

  /** Makes the table; yields after each share of SHARE_STEPS. */
  protected abstract build(): Generator<void, HashTable>;

  /** Without one before it the table is made within the first pick, which so goes by its own. */
  get isPrepared(): boolean {
    return this.#isMade || this.#former === undefined;
  }

  get #isMade(): boolean {
    return this.#table !== undefined || this.candidates.count < 2;
  }

  prepare(): boolean {
    if (this.#isMade) return false;
    this.#building ??= this.build();
    const { done, value } = this.#building.next();
    if (done !== true) return true;
    this.#table = value;
    this.#building = undefined;
    this.#former = undefined;
    return false;
  }

  follow(former: Picker): void {
    if (this.#isMade || !(former instanceof HashPicker)) return;
    const { candidates } = former;
    // One that was overtaken itself hands on what it went by.
    const table = former.#table ?? former.#former?.table;
    const slots = former.#table === undefined ? former.#former?.slots : candidates.slots;
    if (table === undefined || slots === undefined) return;
    this.#former = { table, slots, indexes: new Int32Array(slots.length).fill(NOT_ASKED) };
  }

  pick(request: PickRequest, loads: LoadReader, random: Random, nowMs: number): number {
    const { candidates } = this;
    if (candidates.count < 2) return candidates.count - 1;
    if (this.#table === undefined && this.#former === undefined) while (this.prepare());
    const table = this.#table ?? this.#former!.table;
    const hash = request.hash === 0 ? mixBits(random.nextFloat() * 2 ** 32) : request.hash;
    const place = table.placeOf(hash);
    if (this.#table !== undefined && this.#balance === 0 && request.triedCount === 0)
      return table.owners[place]!;
    return this.#walkOn(table.owners, place, request, loads, nowMs);
  }

  #walkOn(
    owners: Uint16Array,
    place: number,
    request: PickRequest,
    loads: LoadReader,
    nowMs: number,
  ): number {
    const { slots, weights, count } = this.candidates;
    const passedIn = this.#beginWalk();
    // With this request in it, the mean is of one stream more.
    const perWeight =
      this.#balance === 0 ? 0 : (this.#balance * (loads.total(nowMs) + 1)) / this.#totalWeight;
    const former = this.#table === undefined ? this.#former : undefined;
    let first = -1;
    let passed = 0;
    let at = place;
    for (let steps = 0; steps < owners.length && passed < count; steps++) {
      const owner = owners[at]!;
      if (++at === owners.length) at = 0;
      const index = former === undefined ? owner : this.#indexOf(former, owner);
      if (index < 0 || passedIn[index] === this.#walk) continue;
      passedIn[index] = this.#walk;
      passed++;
      if (isTried(this.candidates, index, request)) continue;
      if (perWeight === 0) return index;
      if (first < 0) first = index;
      if (loads.inFlight(slots[index]!, nowMs) < Math.ceil(perWeight * weights[index]!)) return index;
    }
    // Nobody has room: loads have changed while they were read. Or all were tried.
    return first >= 0 ? first : this.#otherThanTried(request, former === undefined ? owners[place]! : 0);
  }

  #beginWalk(): Uint32Array {
    const { weights, count } = this.candidates;
    if (this.#passedIn === undefined) {
      this.#passedIn = new Uint32Array(count);
      for (let i = 0; i < count; i++) this.#totalWeight += weights[i]!;
    }
    if (++this.#walk > 0xffffffff) {
      this.#passedIn.fill(0);
      this.#walk = 1;
    }
    return this.#passedIn;
  }

  /** @returns the present index of a former candidate; -1 for none. A slot may have another owner by now, who is a candidate then all the same. */
  #indexOf({ slots, indexes }: FormerTable, owner: number): number {
    if (indexes[owner] === NOT_ASKED) indexes[owner] = this.candidates.slots.indexOf(slots[owner]!);
    return indexes[owner]!;
  }

  /** A light candidate may have no place at all. @returns `owner` where all were tried. */
  #otherThanTried(request: PickRequest, owner: number): number {
    for (let index = 0; index < this.candidates.count; index++) {
      if (!isTried(this.candidates, index, request)) return index;
    }
    return owner;
  }
}
