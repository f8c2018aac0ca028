/** Deaths within the period that are replaced; one more, and the process had better start anew. */
export const MAX_DEATHS = 5;
/** The period, in milliseconds. */
export const DEATHS_PERIOD_MS = 60_000;

/** Tells a thread that died once from threads that cannot live. */
export class CrashLoop {
  readonly #deaths: number[] = [];

  /**
   * Counts a death.
   *
   * @param nowMs of a clock that never goes back.
   * @returns whether replacing it is pointless: more than {@link MAX_DEATHS} within {@link DEATHS_PERIOD_MS}.
   */
  died(nowMs: number): boolean {
    this.#deaths.push(nowMs);
    while (this.#deaths[0]! <= nowMs - DEATHS_PERIOD_MS) this.#deaths.shift();
    return this.#deaths.length > MAX_DEATHS;
  }
}
