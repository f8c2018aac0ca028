import type { HashSettings } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { HashTable } from "./hash-picker.ts";
import { HashPicker } from "./hash-picker.ts";
import { SHARE_STEPS } from "./share-steps.ts";
import { sortInShares } from "./sort-in-shares.ts";

/** Candidates at most, a power of two: a hash and its owner are sorted as one number below 2^53. */
const OWNERS = 2 ** 16;
const HASHES = 2 ** 32;

/**
 * `maglev`: a table of places that endpoints take in turns, each in an order of its own, as often as their weights say. Shares are
 * more even than a ring's and a pick is one read; when an endpoint comes or goes, somewhat more than 1 / n of the hashes move.
 *
 * Source: Eisenbud et al., "Maglev", NSDI 2016; Envoy's MAGLEV for the weights.
 */
export class MaglevPicker extends HashPicker {
  readonly #tableSize: number;

  /** @param settings `tableSize` is a prime. */
  constructor(candidates: CandidateSet, settings: Pick<HashSettings, "tableSize" | "balanceFactor">) {
    super(candidates, settings.balanceFactor);
    this.#tableSize = settings.tableSize;
  }

  protected override *build(): Generator<void, HashTable> {
    const { weights, count, keyHashes } = this.candidates;
    if (keyHashes === undefined) throw new Error("maglev: the candidates have no key hashes");
    const size = this.#tableSize;
    const owners = new Uint16Array(size);
    const isTaken = new Uint8Array(size);
    const order = yield* orderOf(keyHashes, count);
    const next = new Int32Array(count);
    const step = new Int32Array(count);
    let heaviest = 0;
    for (let index = 0; index < count; index++) {
      next[index] = keyHashes[2 * index]! % size;
      step[index] = (keyHashes[2 * index + 1]! % (size - 1)) + 1;
      if (weights[index]! > heaviest) heaviest = weights[index]!;
    }
    yield;
    const credit = new Float64Array(count);
    let steps = 0;
    for (let taken = 0; taken < size; ) {
      for (let turn = 0; turn < count && taken < size; turn++) {
        if (++steps >= SHARE_STEPS) {
          steps = 0;
          yield;
        }
        const index = order[turn]!;
        credit[index]! += weights[index]! / heaviest;
        if (credit[index]! < 1) continue;
        credit[index]!--;
        let place = next[index]!;
        for (; isTaken[place] === 1; steps++) place = (place + step[index]!) % size;
        isTaken[place] = 1;
        owners[place] = index;
        next[index] = (place + step[index]!) % size;
        taken++;
      }
    }
    return { owners, placeOf: (hash) => hash % size };
  }
}

/** @returns candidates by the hashes of their keys: the order of turns must not be that of discovery, which may change. */
function* orderOf(keyHashes: Uint32Array, count: number): Generator<void, Uint16Array> {
  const keys = new Float64Array(count);
  for (let index = 0; index < count; index++) keys[index] = keyHashes[2 * index]! * OWNERS + index;
  yield;
  const sorted = yield* sortInShares(keys, HASHES * OWNERS);
  const order = new Uint16Array(count);
  for (let at = 0; at < count; at++) {
    const index = sorted[at]! % OWNERS;
    // Where the first hashes are equal, the second ones decide.
    let place = at;
    for (; place > 0 && isBefore(keyHashes, index, order[place - 1]!); place--)
      order[place] = order[place - 1]!;
    order[place] = index;
  }
  return order;
}

function isBefore(keyHashes: Uint32Array, a: number, b: number): boolean {
  return keyHashes[2 * a] === keyHashes[2 * b] && keyHashes[2 * a + 1]! < keyHashes[2 * b + 1]!;
}
