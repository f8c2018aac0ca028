/** The best few of many scores, for several lists at once. */
export class BestScores {
  /** Where each list begins, and after the last where it ends. */
  readonly #starts: Int32Array;
  /** By list what a score has to be above to be taken: a loop over many looks here before it offers any. */
  readonly bars: Float64Array;
  /** How many a list has. */
  readonly #counts: Int32Array;
  /** By list a heap, the worst on top. */
  readonly #scores: Float64Array;
  readonly #values: Int32Array;

  /** @param lists how many. @param sizes how many scores each keeps, 1 or more: one number for all, or each list's. */
  constructor(lists: number, sizes: number | Float64Array) {
    this.#starts = new Int32Array(lists + 1);
    for (let list = 0; list < lists; list++) {
      this.#starts[list + 1] = this.#starts[list]! + (typeof sizes === "number" ? sizes : sizes[list]!);
    }
    this.bars = new Float64Array(lists).fill(Number.NEGATIVE_INFINITY);
    this.#counts = new Int32Array(lists);
    this.#scores = new Float64Array(this.#starts[lists]!);
    this.#values = new Int32Array(this.#starts[lists]!);
  }

  /** Makes all lists empty. */
  clear(): void {
    this.#counts.fill(0);
    this.bars.fill(Number.NEGATIVE_INFINITY);
  }

  /** Takes a score, if it is one of the best of its list. Of equal ones the first stays. */
  offer(list: number, score: number, value: number): void {
    const start = this.#starts[list]!;
    const count = this.#counts[list]!;
    const size = this.#starts[list + 1]! - start;
    if (count < size) {
      this.#counts[list] = count + 1;
      this.#rise(start, count, score, value);
      if (count + 1 < size) return;
    } else if (score > this.#scores[start]!) this.#sink(start, count, score, value);
    this.bars[list] = this.#scores[start]!;
  }

  /** @returns what the scores of a list belong to, the best first. */
  bestFirst(list: number): number[] {
    const start = this.#starts[list]!;
    const places = Array.from({ length: this.#counts[list]! }, (_, place) => start + place);
    places.sort((a, b) => this.#scores[b]! - this.#scores[a]!);
    return places.map((place) => this.#values[place]!);
  }

  #rise(start: number, from: number, score: number, value: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (this.#scores[start + above]! <= score) break;
      this.#put(start + place, this.#scores[start + above]!, this.#values[start + above]!);
      place = above;
    }
    this.#put(start + place, score, value);
  }

  /** Takes the place on top. @param count of the heap. */
  #sink(start: number, count: number, score: number, value: number): void {
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= count) break;
      if (below + 1 < count && this.#scores[start + below + 1]! < this.#scores[start + below]!) below++;
      if (this.#scores[start + below]! >= score) break;
      this.#put(start + place, this.#scores[start + below]!, this.#values[start + below]!);
      place = below;
    }
    this.#put(start + place, score, value);
  }

  #put(at: number, score: number, value: number): void {
    this.#scores[at] = score;
    this.#values[at] = value;
  }
}
