import type { SlotUsage } from "./slot-limit-error.ts";

/**
 * A bounded set of numbered slots, each owned by a key, with the states and the rule of reuse of SlotRegistry.
 *
 * Freed slots are reused oldest first, before new ones: the numbers stay small, and what still names an old owner in
 * logs and records stays true as long as possible.
 */
export class SlotPool implements SlotUsage {
  readonly capacity: number;

  readonly #slotByKey = new Map<string, number>();
  /** Released slots by the workers, one bit each, whose acknowledgement is missing. */
  readonly #waitingFor = new Map<number, number>();
  readonly #generations: Int32Array;
  readonly #allWorkers: number;
  #usedOnce = 0;
  #free: number[] = [];
  #freeHead = 0;

  constructor(capacity: number, workerCount: number) {
    this.capacity = capacity;
    this.#generations = new Int32Array(capacity);
    this.#allWorkers = 2 ** workerCount - 1;
  }

  get left(): number {
    return this.capacity - this.#usedOnce + (this.#free.length - this.#freeHead);
  }

  get releasedCount(): number {
    return this.#waitingFor.size;
  }

  has(key: string): boolean {
    return this.#slotByKey.has(key);
  }

  /** @returns the slot of a listed key, else -1. */
  slotOf(key: string): number {
    return this.#slotByKey.get(key) ?? -1;
  }

  generation(slot: number): number {
    return this.#generations[slot]!;
  }

  /** @returns the key's slot, a new one if it has none. The caller has checked {@link left}. */
  acquire(key: string): number {
    const known = this.#slotByKey.get(key);
    if (known !== undefined) return known;
    const slot = this.#freeHead < this.#free.length ? this.#takeFreed() : this.#usedOnce++;
    this.#slotByKey.set(key, slot);
    this.#generations[slot]!++;
    return slot;
  }

  /** @returns the slot that now waits for every worker, or -1 when the key has none. */
  release(key: string): number {
    const slot = this.slotOf(key);
    if (slot < 0) return -1;
    this.#slotByKey.delete(key);
    this.#waitingFor.set(slot, this.#allWorkers);
    return slot;
  }

  acknowledge(worker: number, slot: number): void {
    const waitingFor = this.#waitingFor.get(slot);
    if (waitingFor === undefined) return;
    const rest = waitingFor & ~(1 << worker);
    if (rest !== 0) {
      this.#waitingFor.set(slot, rest);
      return;
    }
    this.#waitingFor.delete(slot);
    this.#free.push(slot);
  }

  acknowledgeAll(worker: number): void {
    for (const slot of [...this.#waitingFor.keys()]) this.acknowledge(worker, slot);
  }

  #takeFreed(): number {
    const slot = this.#free[this.#freeHead++]!;
    // More than half of the queue is used up: let go of it, so that it does not grow with the number of reuses.
    if (this.#freeHead * 2 > this.#free.length) {
      this.#free = this.#free.slice(this.#freeHead);
      this.#freeHead = 0;
    }
    return slot;
  }
}
