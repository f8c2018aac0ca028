import type { FloodKind } from "./flood-kind.ts";
import type { FloodLimit } from "./flood-limits.ts";

/**
 * What a peer may still do of each {@link FloodKind}: a token bucket each, written as the time at which it would be full
 * again, so that nothing has to be refilled (the "generic cell rate algorithm").
 *
 * A connection has one of its own, made when it is first charged. All connections of one caller may share a second one, so
 * that coming back does not fill it.
 */
export class FloodBudget {
  readonly #limits: readonly FloodLimit[];
  readonly #share: number;
  readonly #fullAtMs: Float64Array;

  /**
   * @param limits by kind, of one connection.
   * @param share times that much.
   */
  constructor(limits: readonly FloodLimit[], share = 1) {
    this.#limits = limits;
    this.#share = share;
    this.#fullAtMs = new Float64Array(limits.length);
  }

  /**
   * Takes units.
   *
   * @param units may be a fraction.
   * @returns false when there are not so many; nothing is taken then.
   */
  take(kind: FloodKind, units: number, nowMs: number): boolean {
    const { burst, perSecond } = this.#limits[kind]!;
    const unitMs = 1000 / (perSecond * this.#share);
    const fullAtMs = Math.max(this.#fullAtMs[kind]!, nowMs) + units * unitMs;
    if (fullAtMs - nowMs > burst * this.#share * unitMs) return false;
    this.#fullAtMs[kind] = fullAtMs;
    return true;
  }

  /** Puts one unit back. @returns whether the bucket is still not full. */
  giveBack(kind: FloodKind, nowMs: number): boolean {
    const fullAtMs = this.#fullAtMs[kind]! - 1000 / (this.#limits[kind]!.perSecond * this.#share);
    this.#fullAtMs[kind] = fullAtMs;
    return fullAtMs > nowMs;
  }

  /** @returns how much of the budget that is nearest to its end is used: 0 nothing, 1 all. */
  usedShare(nowMs: number): number {
    let most = 0;
    for (let kind = 0; kind < this.#limits.length; kind++) {
      const { burst, perSecond } = this.#limits[kind]!;
      const used = ((this.#fullAtMs[kind]! - nowMs) * perSecond) / 1000 / burst;
      if (used > most) most = used;
    }
    return most;
  }
}
