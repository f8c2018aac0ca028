import type { ThreadProcessor } from "./thread-processor.ts";

/** How often heartbeats are looked at. */
export const WATCH_INTERVAL_MS = 180;
/** Looks without a new beat after which a thread hangs. It is noticed within 1 s of its last one: 0.9 s, and a margin. */
const MISSES = 4;
/**
 * A thread that would run must have had this much processor time since the first look without a beat; less, and it is the
 * machine that is busy. Work that a loop has to do at once (a garbage collection, a large snapshot) takes less.
 */
const MIN_RAN_MS = 450;
/** A thread that waits may wait for helpers (of the garbage collection) that get no processor. */
const WAITING_MISSES = 2 * MISSES;
/** Looks that a thread may take until it serves: it has modules to load and all state to take in. */
const START_MISSES = 30_000 / WATCH_INTERVAL_MS;

/** What is known of a thread from outside. */
export interface WatchedThreads {
  /** Any number that changes with each beat; 0 until the first. */
  beatOf(thread: number): number;
  /** Undefined where the kernel does not say. */
  processorOf(thread: number): ThreadProcessor | undefined;
  /** Called once for a thread; it is watched again after {@link HeartbeatWatch.watch}. */
  onHung(thread: number): void;
}

/**
 * Finds threads whose event loop stands still. A busy machine must not look like a busy loop: it counts its own looks, of
 * which there are none while the whole process is stopped, and a thread without a beat has to have used its processor
 * time on something else.
 */
export class HeartbeatWatch {
  readonly #threads: WatchedThreads;
  readonly #lastBeats: Float64Array;
  readonly #misses: Int32Array;
  /** Processor time at the first look without a beat. */
  readonly #ranMs: Float64Array;
  readonly #watched: Uint8Array;
  readonly #serving: Uint8Array;

  constructor(count: number, threads: WatchedThreads) {
    this.#threads = threads;
    this.#lastBeats = new Float64Array(count);
    this.#misses = new Int32Array(count);
    this.#ranMs = new Float64Array(count);
    this.#watched = new Uint8Array(count);
    this.#serving = new Uint8Array(count);
  }

  /** Begins with a thread that was just started. */
  watch(thread: number): void {
    this.#watched[thread] = 1;
    this.#serving[thread] = 0;
    this.#misses[thread] = 0;
    this.#lastBeats[thread] = 0;
  }

  /** The thread has started: from now on it has no excuse. */
  serves(thread: number): void {
    this.#serving[thread] = 1;
    this.#misses[thread] = 0;
  }

  ignore(thread: number): void {
    this.#watched[thread] = 0;
  }

  /** To be called every {@link WATCH_INTERVAL_MS}. */
  look(): void {
    for (let thread = 0; thread < this.#watched.length; thread++) {
      if (this.#watched[thread] === 0) continue;
      const beat = this.#threads.beatOf(thread);
      if (beat !== this.#lastBeats[thread]) {
        this.#lastBeats[thread] = beat;
        this.#misses[thread] = 0;
        continue;
      }
      this.#misses[thread]!++;
      if (!this.#hangs(thread)) continue;
      this.#watched[thread] = 0;
      this.#threads.onHung(thread);
    }
  }

  #hangs(thread: number): boolean {
    const misses = this.#misses[thread]!;
    if (this.#serving[thread] === 0) return misses >= START_MISSES;
    if (misses > 1 && misses < MISSES) return false;
    const processor = this.#threads.processorOf(thread);
    if (misses === 1) this.#ranMs[thread] = processor?.ranMs ?? 0;
    if (misses < MISSES) return false;
    if (processor === undefined) return true;
    const ranMs = processor.ranMs - this.#ranMs[thread]!;
    return ranMs >= MIN_RAN_MS || (!processor.runnable && misses >= WAITING_MISSES);
  }
}
