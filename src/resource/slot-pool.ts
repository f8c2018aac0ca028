import type { SlotUsage } from "./slot-limit-error.ts";

const NOT_RELEASED = -1;

/**
 * A bounded set of numbered slots, each owned by a key, with the states and the rule of reuse of {@link SlotRegistry}.
 *
 * Freed slots are reused oldest first, before new ones: the numbers stay small, and what still names an old owner in
 * logs and records stays true as long as possible.
 */
export class SlotPool implements SlotUsage {
  readonly capacity: number;

  readonly #slotByKey = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #generations: Int32Array;
  readonly #releaseEpochs: Int32Array;
  readonly #waitingFor: Int32Array;
  readonly #allWorkers: number;
  readonly #released = new Set<number>();
  #free: number[] = [];
  #freeHead = 0;

  constructor(capacity: number, workerCount: number) {
    this.capacity = capacity;
    this.#generations = new Int32Array(capacity);
    this.#releaseEpochs = new Int32Array(capacity).fill(NOT_RELEASED);
    this.#waitingFor = new Int32Array(capacity);
    this.#allWorkers = 2 ** workerCount - 1;
  }

  get left(): number {
    return this.capacity - this.#keys.length + (this.#free.length - this.#freeHead);
  }

  get releasedCount(): number {
    return this.#released.size;
  }

  has(key: string): boolean {
    return this.#slotByKey.has(key);
  }

  slotOf(key: string): number {
    return this.#slotByKey.get(key) ?? -1;
  }

  generation(slot: number): number {
    return this.#generations[slot]!;
  }

  /** @returns the key's slot, a new one if it has none. The caller has checked {@link left}. */
  acquire(key: string): number {
    const known = this.#slotByKey.get(key);
    if (known !== undefined) {
      if (this.#released.delete(known)) this.#releaseEpochs[known] = NOT_RELEASED;
      return known;
    }
    const slot = this.#freeHead < this.#free.length ? this.#takeFreed() : this.#keys.length;
    this.#keys[slot] = key;
    this.#slotByKey.set(key, slot);
    this.#generations[slot]!++;
    return slot;
  }

  /** @returns the slot that now waits for every worker. */
  release(key: string, epoch: number): number {
    const slot = this.slotOf(key);
    if (slot < 0) return -1;
    this.#released.add(slot);
    this.#releaseEpochs[slot] = epoch;
    this.#waitingFor[slot] = this.#allWorkers;
    return slot;
  }

  acknowledge(worker: number, epoch: number, slot: number): void {
    if (!this.#released.has(slot) || epoch < this.#releaseEpochs[slot]!) return;
    this.#waitingFor[slot]! &= ~(1 << worker);
    if (this.#waitingFor[slot] !== 0) return;
    this.#released.delete(slot);
    this.#releaseEpochs[slot] = NOT_RELEASED;
    this.#slotByKey.delete(this.#keys[slot]!);
    this.#free.push(slot);
  }

  acknowledgeAll(worker: number): void {
    for (const slot of [...this.#released]) this.acknowledge(worker, this.#releaseEpochs[slot]!, slot);
  }

  #takeFreed(): number {
    const slot = this.#free[this.#freeHead++]!;
    // Half of the queue is used up: let go of it, so that it does not grow with the number of reuses.
    if (this.#freeHead * 2 > this.#free.length) {
      this.#free = this.#free.slice(this.#freeHead);
      this.#freeHead = 0;
    }
    return slot;
  }
}
