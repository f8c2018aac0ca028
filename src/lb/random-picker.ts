import type { Random } from "../base/random.ts";
import { AliasTable } from "./alias-table.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "./picker.ts";
import { drawUntried } from "./untried.ts";

/** `random`: each stream on its own, by weight, whatever the load. The baseline the other policies are measured by. */
export class RandomPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #byWeight: AliasTable | undefined;

  constructor(candidates: CandidateSet) {
    this.candidates = candidates;
    this.#byWeight = candidates.equalWeights ? undefined : new AliasTable(candidates.weights);
  }

  pick(request: PickRequest, _loads: LoadReader, random: Random): number {
    const { candidates } = this;
    if (candidates.count < 2) return candidates.count - 1;
    if (request.triedCount > 0) {
      const untried = drawUntried(candidates, request, -1, random);
      if (untried >= 0) return untried;
    }
    return this.#byWeight === undefined ? random.nextInt(candidates.count) : this.#byWeight.draw(random);
  }
}
