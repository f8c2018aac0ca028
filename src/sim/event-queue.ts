const FIRST_ROOM = 1024;

/**
 * What is to happen, by virtual time: a heap of four children per node over two typed arrays, so that an event costs no object. Events are
 * small numbers whose meaning is the caller's. Equal times come out in an order that depends on nothing but the pushes and pops
 * before, so runs repeat exactly.
 */
export class EventQueue {
  /** Virtual time of the event that {@link pop} gave last, in ms. */
  nowMs = 0;
  /** Events that wait. */
  count = 0;

  #times = new Float64Array(FIRST_ROOM);
  #events = new Int32Array(FIRST_ROOM);

  /** @param event any 32-bit number but -1. */
  push(timeMs: number, event: number): void {
    if (this.count === this.#times.length) this.#grow();
    const times = this.#times;
    const events = this.#events;
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (times[parent]! <= timeMs) break;
      times[at] = times[parent]!;
      events[at] = events[parent]!;
      at = parent;
    }
    times[at] = timeMs;
    events[at] = event;
  }

  /** @returns the event that is due next, which sets {@link nowMs}; -1 when none is left. */
  pop(): number {
    if (this.count === 0) return -1;
    const times = this.#times;
    const events = this.#events;
    const result = events[0]!;
    this.nowMs = times[0]!;
    const last = --this.count;
    if (last === 0) return result;
    const timeMs = times[last]!;
    const event = events[last]!;
    let at = 0;
    for (;;) {
      const firstChild = at * 4 + 1;
      if (firstChild >= last) break;
      const end = Math.min(firstChild + 4, last);
      let least = firstChild;
      for (let child = firstChild + 1; child < end; child++) if (times[child]! < times[least]!) least = child;
      if (times[least]! >= timeMs) break;
      times[at] = times[least]!;
      events[at] = events[least]!;
      at = least;
    }
    times[at] = timeMs;
    events[at] = event;
    return result;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    times.set(this.#times);
    this.#times = times;
    const events = new Int32Array(times.length);
    events.set(this.#events);
    this.#events = events;
  }
}
