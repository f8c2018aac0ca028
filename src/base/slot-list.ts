/** Links of all {@link SlotList}s over one range of slots: a slot stands in one list at most. */
export class SlotLinks {
  readonly next: Int32Array;
  readonly previous: Int32Array;

  /** @param slots highest slot plus 1; slot 0 stands for none. */
  constructor(slots: number) {
    this.next = new Int32Array(slots);
    this.previous = new Int32Array(slots);
  }
}

/** A first-in, first-out list of slots that any member can leave, without an object per member. */
export class SlotList {
  /** The first member, 0 when empty. */
  head = 0;
  size = 0;
  readonly #links: SlotLinks;
  #tail = 0;

  constructor(links: SlotLinks) {
    this.#links = links;
  }

  push(slot: number): void {
    const { next, previous } = this.#links;
    next[slot] = 0;
    previous[slot] = this.#tail;
    if (this.#tail !== 0) next[this.#tail] = slot;
    else this.head = slot;
    this.#tail = slot;
    this.size++;
  }

  /** Takes a member out, wherever it stands. */
  remove(slot: number): void {
    const { next, previous } = this.#links;
    const after = next[slot]!;
    const before = previous[slot]!;
    if (before !== 0) next[before] = after;
    else this.head = after;
    if (after !== 0) previous[after] = before;
    else this.#tail = before;
    this.size--;
  }

  /** The last member, 0 when empty. */
  get tail(): number {
    return this.#tail;
  }

  /** Takes the first. @returns 0 when the list is empty. */
  shift(): number {
    const slot = this.head;
    if (slot !== 0) this.remove(slot);
    return slot;
  }
}
