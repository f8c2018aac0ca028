/**
 * The limit on series a process exposes, counted as lines of the exposition and as their octets. A series that finds no room is folded
 * into one whose destination is `other`; a few hundred of those at most, which the limit does not count.
 */
export class SeriesBudget {
  readonly #limit: number;
  readonly #octetLimit: number;
  #octets = 0;
  /** Lines in use. */
  used = 0;
  /** Series folded into `other` now. */
  overflowed = 0;

  /** @param limit lines. @param octetLimit octets, about; default: no limit. */
  constructor(limit: number, octetLimit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
    this.#octetLimit = octetLimit;
  }

  /** @param octets of all lines together, about. @returns whether there was room; if not, the series counts as {@link overflowed}. */
  take(lines: number, octets: number): boolean {
    if (this.used + lines > this.#limit || this.#octets + octets > this.#octetLimit) {
      this.overflowed++;
      return false;
    }
    this.used += lines;
    this.#octets += octets;
    return true;
  }

  /** The same as was taken. */
  give(lines: number, octets: number): void {
    this.used -= lines;
    this.#octets -= octets;
  }
}
