/**
 * The limit on series a process exposes, counted as lines of the exposition. A series that finds no room is folded
 * into one whose destination is `other`; a few hundred of those at most, which the limit does not count.
 */
export class SeriesBudget {
  readonly #limit: number;
  /** Lines in use. */
  used = 0;
  /** Series folded into `other` now. */
  overflowed = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns whether there was room; if not, the series counts as {@link overflowed}. */
  take(lines: number): boolean {
    if (this.used + lines > this.#limit) {
      this.overflowed++;
      return false;
    }
    this.used += lines;
    return true;
  }
}
