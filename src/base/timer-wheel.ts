const TICK_MS = 8;
const TICKS = 1024;
const MASK = TICKS - 1;

/**
 * Deadlines of slots in a wheel of 1,024 ticks of 8 ms: setting and clearing one is a few writes into typed arrays. What
 * is farther away than a turn stays in its place and is looked at once a turn.
 *
 * It keeps no timer: the owner calls {@link expire}, and {@link nextMs} says when that is next worth doing.
 */
export class TimerWheel {
  /** Slots with a deadline set. */
  size = 0;
  readonly #heads = new Int32Array(TICKS);
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Deadline of each slot in ticks, 0 when none is set. */
  readonly #dueTick: Float64Array;
  #tick: number;

  /** @param slots highest slot plus 1; slot 0 stands for none. */
  constructor(slots: number, nowMs: number) {
    this.#next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
    this.#dueTick = new Float64Array(slots);
    this.#tick = Math.trunc(nowMs / TICK_MS);
  }

  /** Sets a slot's deadline; it has none yet. Deadlines in the past expire with the next tick. */
  set(slot: number, dueMs: number): void {
    const due = Math.max(Math.ceil(dueMs / TICK_MS), this.#tick + 1);
    this.#dueTick[slot] = due;
    const place = due & MASK;
    const head = this.#heads[place]!;
    this.#next[slot] = head;
    this.#previous[slot] = 0;
    if (head !== 0) this.#previous[head] = slot;
    this.#heads[place] = slot;
    this.size++;
  }

  /** Forgets a slot's deadline; no effect when none is set. */
  clear(slot: number): void {
    const due = this.#dueTick[slot]!;
    if (due === 0) return;
    this.#dueTick[slot] = 0;
    this.size--;
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (previous !== 0) this.#next[previous] = next;
    else this.#heads[due & MASK] = next;
    if (next !== 0) this.#previous[next] = previous;
  }

  /** Calls `onExpired` for each slot whose deadline has passed; each is cleared before. */
  expire(nowMs: number, onExpired: (slot: number) => void): void {
    const now = Math.trunc(nowMs / TICK_MS);
    const first = this.#tick + 1;
    const last = Math.min(now, this.#tick + TICKS);
    // First, so that what a callback sets for now comes with the next tick: not in this loop, not a turn later.
    this.#tick = now;
    for (let tick = first; tick <= last; tick++) {
      for (let slot = this.#heads[tick & MASK]!; slot !== 0; ) {
        if (this.#dueTick[slot]! > now) {
          slot = this.#next[slot]!;
          continue;
        }
        this.clear(slot);
        onExpired(slot);
        // The callback may have set or cleared any slot: read the list from its start.
        slot = this.#heads[tick & MASK]!;
      }
    }
  }

  /** @returns milliseconds from `nowMs` until the next tick that holds a slot, or -1 when none is set. */
  nextMs(nowMs: number): number {
    if (this.size === 0) return -1;
    for (let ahead = 1; ahead <= TICKS; ahead++) {
      const tick = this.#tick + ahead;
      if (this.#heads[tick & MASK] !== 0) return Math.max(1, tick * TICK_MS - nowMs);
    }
    return TICK_MS * TICKS;
  }
}
