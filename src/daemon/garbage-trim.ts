import { collectGarbage } from "./collect-garbage.ts";

/** So many changes at once leave something worth collecting. */
const MANY = 64;
/** How long nothing has to come before that is done, and how often it is at most, in ms. */
const QUIET_MS = 3_000;
const INTERVAL_MS = 10_000;

/**
 * Gives back what a burst of updates has left on the main thread's heap, when the burst is over: with a thousand services that are asked for at once
 * 10 to 20 MB that V8 would keep for the next burst, and as much that the C library would. The data plane has heaps of its own and goes on.
 */
export class GarbageTrim {
  #changes = 0;
  #trimmedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** Something was updated. */
  changed(): void {
    if (++this.#changes < MANY) return;
    this.#timer ??= setTimeout(() => this.#look(0), QUIET_MS).unref();
  }

  #look(before: number): void {
    const nowMs = performance.now();
    if (this.#changes !== before || nowMs - this.#trimmedMs < INTERVAL_MS) {
      const seen = this.#changes;
      this.#timer = setTimeout(() => this.#look(seen), QUIET_MS).unref();
      return;
    }
    this.#timer = undefined;
    this.#changes = 0;
    this.#trimmedMs = nowMs;
    collectGarbage();
  }
}
