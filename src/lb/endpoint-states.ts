/** States of endpoints, by index in their snapshot: LeftOut, nearly all of them 0. */
export class EndpointStates {
  readonly octets: Uint8Array;
  readonly #words: Uint32Array;

  constructor(count: number) {
    const words = Math.ceil(count / 4);
    this.#words = new Uint32Array(words);
    this.octets = new Uint8Array(this.#words.buffer, 0, count);
  }

  /** @returns the first index from `from` on, below `to`, of a state other than 0; `to` when there is none. Looks at four at a time. */
  next(from: number, to: number): number {
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
