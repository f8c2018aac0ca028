import type { HashSettings } from "../resource/load-balancing.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { HashTable } from "./hash-picker.ts";
import { HashPicker } from "./hash-picker.ts";

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

  protected override build(): HashTable {
    const { weights, count, keyHashes } = this.candidates;
    if (keyHashes === undefined) throw new Error("maglev: the candidates have no key hashes");
    const size = this.#tableSize;
    const owners = new Uint16Array(size);
    const isTaken = new Uint8Array(size);
    const heaviest = weights.reduce((highest, weight) => Math.max(highest, weight), 0);
    // The order of turns must not be that of discovery, which may change.
    const order = Array.from({ length: count }, (_, index) => index).sort(
      (a, b) => keyHashes[2 * a]! - keyHashes[2 * b]! || keyHashes[2 * a + 1]! - keyHashes[2 * b + 1]!,
    );
    const next = Float64Array.from({ length: count }, (_, index) => keyHashes[2 * index]! % size);
    const step = Float64Array.from(
      { length: count },
      (_, index) => (keyHashes[2 * index + 1]! % (size - 1)) + 1,
    );
    const credit = new Float64Array(count);
    for (let taken = 0; taken < size; ) {
      for (const index of order) {
        credit[index]! += weights[index]! / heaviest;
        if (credit[index]! < 1) continue;
        credit[index]!--;
        let place = next[index]!;
        while (isTaken[place] === 1) place = (place + step[index]!) % size;
        isTaken[place] = 1;
        owners[place] = index;
        next[index] = (place + step[index]!) % size;
        if (++taken === size) break;
      }
    }
    return { owners, placeOf: (hash) => hash % size };
  }
}
