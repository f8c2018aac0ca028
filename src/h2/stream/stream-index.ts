const INITIAL_CAPACITY = 16;

/**
 * One connection's map from stream id to slot: open addressing over typed arrays. Ids that follow each other fall into
 * neighbouring places, so the usual look-up is one compare.
 */
export class StreamIndex {
  #ids = new Int32Array(INITIAL_CAPACITY);
  #slots = new Int32Array(INITIAL_CAPACITY);
  #mask = INITIAL_CAPACITY - 1;
  #size = 0;

  /** @returns the slot of `id`, or 0. */
  get(id: number): number {
    const ids = this.#ids;
    const mask = this.#mask;
    for (let at = (id >>> 1) & mask; ; at = (at + 1) & mask) {
      const found = ids[at]!;
      if (found === id) return this.#slots[at]!;
      if (found === 0) return 0;
    }
  }

  /** Adds an id that is not in the map. */
  set(id: number, slot: number): void {
    if (++this.#size * 2 > this.#mask) this.#grow();
    const mask = this.#mask;
    let at = (id >>> 1) & mask;
    while (this.#ids[at] !== 0) at = (at + 1) & mask;
    this.#ids[at] = id;
    this.#slots[at] = slot;
  }

  /** Removes an id; later entries of its run move up, so that no tombstones pile up. */
  delete(id: number): void {
    const ids = this.#ids;
    const mask = this.#mask;
    let hole = (id >>> 1) & mask;
    while (ids[hole] !== id) {
      if (ids[hole] === 0) return;
      hole = (hole + 1) & mask;
    }
    this.#size--;
    for (let at = (hole + 1) & mask; ids[at] !== 0; at = (at + 1) & mask) {
      const home = (ids[at]! >>> 1) & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        ids[hole] = ids[at]!;
        this.#slots[hole] = this.#slots[at]!;
        hole = at;
      }
    }
    ids[hole] = 0;
  }

  #grow(): void {
    const oldIds = this.#ids;
    const oldSlots = this.#slots;
    const capacity = oldIds.length * 2;
    this.#ids = new Int32Array(capacity);
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
    for (let i = 0; i < oldIds.length; i++) {
      const id = oldIds[i]!;
      if (id === 0) continue;
      let at = (id >>> 1) & this.#mask;
      while (this.#ids[at] !== 0) at = (at + 1) & this.#mask;
      this.#ids[at] = id;
      this.#slots[at] = oldSlots[i]!;
    }
  }
}
