import type { TierLoads } from "../tier-loads.ts";
import { MAX_READS, NO_SLOT, ReadKind } from "./pick-layout.ts";

/**
 * Loads as another reader has them, each read noted: what a pick saw, in the order in which it looked. One serves all
 * recorded picks of a thread; it allocates nothing.
 */
export class RecordingLoads implements TierLoads {
  /** Who is asked. To be set before a pick. */
  source: TierLoads;
  /** Reads of the pick under way, to be set to 0 before it; beyond {@link MAX_READS} they are counted and not kept. */
  count = 0;
  /** By read: the endpoint's slot, which method was called ({@link ReadKind}), and what it returned. */
  readonly slots: Int32Array = new Int32Array(MAX_READS);
  readonly kinds: Uint8Array = new Uint8Array(MAX_READS);
  readonly values: Float64Array = new Float64Array(MAX_READS);

  constructor(source: TierLoads) {
    this.source = source;
  }

  inFlight(slot: number, nowMs: number): number {
    return this.#note(slot, ReadKind.inFlight, this.source.inFlight(slot, nowMs));
  }

  load(slot: number, nowMs: number): number {
    return this.#note(slot, ReadKind.load, this.source.load(slot, nowMs));
  }

  total(nowMs: number): number {
    return this.#note(NO_SLOT, ReadKind.total, this.source.total(nowMs));
  }

  own(slot: number): number {
    return this.#note(slot, ReadKind.own, this.source.own(slot));
  }

  usual(distance: number): number {
    return this.#note(NO_SLOT, ReadKind.usual, this.source.usual(distance));
  }

  #note(slot: number, kind: ReadKind, value: number): number {
    const at = this.count++;
    if (at < MAX_READS) {
      this.slots[at] = slot;
      this.kinds[at] = kind;
      this.values[at] = value;
    }
    return value;
  }
}
