/** So many are kept as a list beside the octets; of more, the octets are looked through. */
const MOST_LISTED = 1024;

/**
 * States of endpoints, by index in their snapshot: LeftOut, nearly all of them 0. Whoever looks for the others is told where they are: of 10,000 endpoints
 * of which none or a few are unfit, an update looks at these few alone.
 */
export class EndpointStates {
  readonly octets: Uint8Array;
  readonly #words: Uint32Array;
  /** Indexes of states other than 0; undefined: there are too many. */
  #listed: number[] | undefined = [];
  #isSorted = true;

  constructor(count: number) {
    const words = Math.ceil(count / 4);
    this.#words = new Uint32Array(words);
    this.octets = new Uint8Array(this.#words.buffer, 0, count);
  }

  /** @param state other than 0. */
  mark(index: number, state: number): void {
    const isNew = this.octets[index] === 0;
    this.octets[index] = state;
    const listed = this.#listed;
    if (!isNew || listed === undefined) return;
    if (listed.length === MOST_LISTED) {
      this.#listed = undefined;
      return;
    }
    if (listed.length > 0 && index < listed[listed.length - 1]!) this.#isSorted = false;
    listed.push(index);
  }

  /** @returns the first index from `from` on, below `to`, of a state other than 0; `to` when there is none. */
  next(from: number, to: number): number {
    return this.#listed === undefined
      ? this.#nextByLooking(from, to)
      : this.#nextListed(this.#listed, from, to);
  }

  #nextListed(listed: number[], from: number, to: number): number {
    if (!this.#isSorted) listed.sort((a, b) => a - b);
    this.#isSorted = true;
    let low = 0;
    let high = listed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (listed[middle]! < from) low = middle + 1;
      else high = middle;
    }
    return low < listed.length ? Math.min(to, listed[low]!) : to;
  }

  /** Four at a time. */
  #nextByLooking(from: number, to: number): number {
    const { octets } = this;
    let index = from;
    while (index < to) {
      if ((index & 3) === 0 && this.#words[index >> 2] === 0) index += 4;
      else if (octets[index] !== 0) return index;
      else index++;
    }
    return to;
  }
}
