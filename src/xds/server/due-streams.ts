/** Streams that one change concerns, and how many of them have had their turn. */
interface Group<Stream> {
  readonly streams: readonly Stream[];
  taken: number;
}

/** The golden ratio's part behind the point: its multiples are spread evenly over every stretch. */
const SPREAD = 0.618_033_988_749_895;
/** Groups that are looked through for the smallest. */
const MOST_COMPARED = 64;

/**
 * Streams that may have something to send, in the order of their turns. Turns go in alternation to the change that concerns the fewest streams and to the one that
 * came first, so that a change for few does not wait for one for thousands, which goes on nevertheless. Of one change nobody is always the last: each time
 * another stream begins.
 */
export class DueStreams<Stream> {
  readonly #due = new Set<Stream>();
  /** In the order in which they came. */
  readonly #groups: Group<Stream>[] = [];
  #isOldestNext = false;
  #start = 0;

  get size(): number {
    return this.#due.size;
  }

  /** These have something to send, because of one change. */
  add(streams: readonly Stream[]): void {
    const { length } = streams;
    if (length === 0) return;
    this.#start = (this.#start + SPREAD) % 1;
    const first = Math.floor(this.#start * length);
    const turned = length === 1 ? streams : [...streams.slice(first), ...streams.slice(0, first)];
    for (const stream of turned) this.#due.add(stream);
    this.#groups.push({ streams: turned, taken: 0 });
  }

  /** It is gone. */
  delete(stream: Stream): void {
    this.#due.delete(stream);
  }

  /** @returns the stream whose turn it is; undefined if there is none. */
  take(): Stream | undefined {
    while (this.#groups.length > 0) {
      this.#isOldestNext = !this.#isOldestNext;
      const at = this.#isOldestNext ? 0 : this.#smallest();
      const group = this.#groups[at]!;
      // What it has to send may have gone out with another change.
      while (group.taken < group.streams.length) {
        const stream = group.streams[group.taken++]!;
        if (!this.#due.delete(stream)) continue;
        if (group.taken === group.streams.length) this.#groups.splice(at, 1);
        return stream;
      }
      this.#groups.splice(at, 1);
    }
    return undefined;
  }

  #smallest(): number {
    let smallest = 0;
    let least = Number.POSITIVE_INFINITY;
    const most = Math.min(this.#groups.length, MOST_COMPARED);
    for (let i = 0; i < most; i++) {
      const { streams, taken } = this.#groups[i]!;
      if (streams.length - taken >= least) continue;
      least = streams.length - taken;
      smallest = i;
    }
    return smallest;
  }
}
