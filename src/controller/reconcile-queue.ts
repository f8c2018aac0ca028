import type { Random } from "../base/random.ts";
import { retryDelayMs } from "../kube/retry-delay.ts";

/** Work at a stretch, in ms: what else the thread has to do, pushes above all, comes in between. */
const SLICE_MS = 5;

/** What a {@link ReconcileQueue} works with. */
export interface ReconcileQueueOptions {
  /** Makes what is believed of a key agree with the objects there are now. May throw: then it is tried again later. */
  readonly reconcile: (key: string) => void;
  /** Told of what was thrown. */
  readonly onFault: (error: unknown, key: string, retryInMs: number) => void;
  readonly random: Random;
}

/**
 * Keys whose objects have changed, each of them once however often it changed: what counts is how things are when its turn comes, not
 * what happened. Keys that fail come back after a growing pause and hold up no other.
 *
 * Source: Kubernetes, level-triggered controllers; controller-runtime's workqueue.
 */
export class ReconcileQueue {
  readonly #options: ReconcileQueueOptions;
  readonly #keys = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #open = false;
  #scheduled = false;
  #idle: (() => void)[] = [];

  constructor(options: ReconcileQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait. */
  get depth(): number {
    return this.#keys.size;
  }

  /** It is looked at as soon as whoever says so has said everything that came with it: pushes of what came before do not go first. */
  add(key: string): void {
    this.#keys.add(key);
    this.#schedule(process.nextTick);
  }

  /** Begins to work: before, keys are only collected. */
  open(): void {
    this.#open = true;
    this.#schedule(setImmediate);
  }

  /** @returns when no key waits any more, but for those that failed. */
  drained(): Promise<void> {
    return this.#keys.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    this.#open = false;
    this.#keys.clear();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#settle();
  }

  #schedule(later: (work: () => void) => void): void {
    if (!this.#open || this.#scheduled || this.#keys.size === 0) return;
    this.#scheduled = true;
    later(() => {
      this.#scheduled = false;
      this.#work();
    });
  }

  #work(): void {
    const untilMs = performance.now() + SLICE_MS;
    for (const key of this.#keys) {
      if (!this.#open) return;
      this.#keys.delete(key);
      try {
        this.#options.reconcile(key);
        this.#failures.delete(key);
      } catch (error) {
        this.#retryLater(key, error);
      }
      if (performance.now() >= untilMs) break;
    }
    if (this.#keys.size > 0) this.#schedule(setImmediate);
    else this.#settle();
  }

  #retryLater(key: string, error: unknown): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delayMs = retryDelayMs(failures, this.#options.random);
    this.#options.onFault(error, key, delayMs);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.add(key);
    }, delayMs);
    // What waits to be tried again keeps no process alive.
    timer.unref();
    this.#timers.add(timer);
  }

  #settle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
