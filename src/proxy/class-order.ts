/** Classes of callers: 0 to 255. */
const CLASSES = 256;

/** Brings requests into an order in which classes of callers take turns: what is scarce is not for who asked most. */
export class ClassOrder {
  /** By class: how many were seen. */
  readonly #seen = new Int32Array(CLASSES);
  #ranks = new Int32Array(0);
  #starts = new Int32Array(0);
  #ordered = new Int32Array(0);

  /**
   * Puts the first `count` of `slots` in order: the first of each class as they came, then the second of each, and so on.
   *
   * @param classOf by slot.
   */
  order(slots: Int32Array, count: number, classOf: Uint8Array): void {
    if (this.#ranks.length < count) this.#grow(slots.length);
    const ranks = this.#ranks;
    const starts = this.#starts;
    const ordered = this.#ordered;
    const seen = this.#seen;
    seen.fill(0);
    starts.fill(0, 0, count + 1);
    for (let i = 0; i < count; i++) {
      const rank = seen[classOf[slots[i]!]!]!++;
      ranks[i] = rank;
      starts[rank + 1]!++;
    }
    for (let rank = 0; rank < count; rank++) starts[rank + 1]! += starts[rank]!;
    for (let i = 0; i < count; i++) ordered[starts[ranks[i]!]!++] = slots[i]!;
    // No view for each turn.
    for (let i = 0; i < count; i++) slots[i] = ordered[i]!;
  }

  #grow(length: number): void {
    this.#ranks = new Int32Array(length);
    this.#starts = new Int32Array(length + 1);
    this.#ordered = new Int32Array(length);
  }
}
