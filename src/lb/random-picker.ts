import type { Random } from "../base/random.ts";
import type { SlowStartSettings } from "../resource/load-balancing.ts";
import { AliasTable } from "./alias-table.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "./picker.ts";
import { rampEndMs, rampShare } from "./slow-start.ts";
import { drawUntried } from "./untried.ts";

/** `random`: each stream on its own, by weight, whatever the load. The baseline the other policies are measured by. */
export class RandomPicker implements Picker {
  readonly candidates: CandidateSet;
  readonly #byWeight: AliasTable | undefined;
  readonly #slowStart: SlowStartSettings | null;
  readonly #rampEndMs: number;

  constructor(candidates: CandidateSet, slowStart: SlowStartSettings | null = null) {
    this.candidates = candidates;
    this.#slowStart = slowStart;
    this.#rampEndMs = rampEndMs(slowStart, candidates);
    this.#byWeight = candidates.equalWeights ? undefined : new AliasTable(candidates.weights);
  }

  pick(request: PickRequest, _loads: LoadReader, random: Random, nowMs: number): number {
    const { candidates } = this;
    if (candidates.count < 2) return candidates.count - 1;
    if (request.triedCount > 0) {
      const untried = drawUntried(candidates, request, -1, random);
      if (untried >= 0) return untried;
    }
    const index = this.#draw(random);
    if (nowMs >= this.#rampEndMs) return index;
    const share = rampShare(this.#slowStart!, candidates.rampFromMs![index]!, nowMs);
    return share === 1 || random.nextFloat() < share ? index : this.#draw(random);
  }

  #draw(random: Random): number {
    return this.#byWeight === undefined ? random.nextInt(this.candidates.count) : this.#byWeight.draw(random);
  }
}
