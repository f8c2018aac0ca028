/** A clock and a timer; tests bring their own. */
export interface PaceTimer {
  readonly nowMs: () => number;
  /** @returns what ends the wait. */
  readonly after: (ms: number, call: () => void) => () => void;
}

/**
 * Lets the first change of a key through at once and puts those that follow within a while together, so that a single change is quick and a
 * burst is not a burst of pushes. Keys do not wait for each other.
 */
export class PushPacer {
  readonly #windowMs: number;
  readonly #timer: PaceTimer;
  readonly #release: (key: string) => void;
  /** When each key was let through last. Only those of the last window. */
  readonly #lastMs = new Map<string, number>();
  readonly #waiting = new Set<string>();
  #cancel: (() => void) | undefined;

  /** @param release called with a key when its changes may go out. */
  constructor(windowMs: number, timer: PaceTimer, release: (key: string) => void) {
    this.#windowMs = windowMs;
    this.#timer = timer;
    this.#release = release;
  }

  /** The key has changed. */
  offer(key: string): void {
    const nowMs = this.#timer.nowMs();
    const lastMs = this.#lastMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < this.#windowMs) {
      this.#waiting.add(key);
    } else {
      this.#lastMs.delete(key);
      this.#lastMs.set(key, nowMs);
      this.#release(key);
    }
    this.#cancel ??= this.#timer.after(this.#windowMs, () => this.#look());
  }

  close(): void {
    this.#cancel?.();
    this.#waiting.clear();
  }

  /** In the order of time: the first that is not due ends the look. */
  #look(): void {
    this.#cancel = undefined;
    const nowMs = this.#timer.nowMs();
    for (const [key, lastMs] of this.#lastMs) {
      const restMs = lastMs + this.#windowMs - nowMs;
      if (restMs > 0) {
        this.#cancel = this.#timer.after(restMs, () => this.#look());
        return;
      }
      this.#lastMs.delete(key);
      if (!this.#waiting.delete(key)) continue;
      this.#lastMs.set(key, nowMs);
      this.#release(key);
    }
  }
}
