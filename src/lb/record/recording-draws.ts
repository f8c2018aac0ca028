import type { Random } from "../../base/random.ts";
import { MAX_DRAWS } from "./pick-layout.ts";

/** Chance as another source has it, each number noted. One serves all recorded picks of a thread; it allocates nothing. */
export class RecordingDraws implements Random {
  /** Draws of the pick under way, to be set to 0 before it; beyond {@link MAX_DRAWS} they are counted and not kept. */
  count = 0;
  /** What was drawn, in order, as the picker got it: whole numbers of `nextInt`, fractions of `nextFloat`. */
  readonly values: Float64Array = new Float64Array(MAX_DRAWS);
  /** Who is asked. To be set before a pick. */
  source: Random;

  constructor(source: Random) {
    this.source = source;
  }

  nextInt(bound: number): number {
    return this.#note(this.source.nextInt(bound));
  }

  nextFloat(): number {
    return this.#note(this.source.nextFloat());
  }

  #note(value: number): number {
    const at = this.count++;
    if (at < MAX_DRAWS) this.values[at] = value;
    return value;
  }
}
