/** How often heartbeats are looked at. */
export const WATCH_INTERVAL_MS = 200;
/** Looks without a new beat after which a thread hangs: noticed within 1 s of its last one, which is due every 250 ms. */
const MISSES = 4;
/** Looks that a thread may take for its first beat: it has modules to load, maybe on a busy machine. */
const FIRST_BEAT_MISSES = 15_000 / WATCH_INTERVAL_MS;

/**
 * Finds threads whose event loop stands still. It counts its own looks instead of reading a clock: while the whole process
 * is stopped or starved it does not look either, so that it takes nobody for dead that simply had no processor.
 */
export class HeartbeatWatch {
  readonly #beatOf: (thread: number) => number;
  readonly #onHung: (thread: number) => void;
  readonly #lastBeats: Float64Array;
  readonly #misses: Int32Array;
  readonly #watched: Uint8Array;

  /**
   * @param beatOf any number that changes with each beat of a thread; 0 until its first.
   * @param onHung called once for a thread; it is watched again after {@link watch}.
   */
  constructor(count: number, beatOf: (thread: number) => number, onHung: (thread: number) => void) {
    this.#beatOf = beatOf;
    this.#onHung = onHung;
    this.#lastBeats = new Float64Array(count);
    this.#misses = new Int32Array(count);
    this.#watched = new Uint8Array(count);
  }

  /** Begins with a thread that was just started. */
  watch(thread: number): void {
    this.#watched[thread] = 1;
    this.#misses[thread] = 0;
    this.#lastBeats[thread] = 0;
  }

  ignore(thread: number): void {
    this.#watched[thread] = 0;
  }

  /** To be called every {@link WATCH_INTERVAL_MS}. */
  look(): void {
    for (let thread = 0; thread < this.#watched.length; thread++) {
      if (this.#watched[thread] === 0) continue;
      const beat = this.#beatOf(thread);
      if (beat !== this.#lastBeats[thread]) {
        this.#lastBeats[thread] = beat;
        this.#misses[thread] = 0;
        continue;
      }
      this.#misses[thread]!++;
      if (this.#misses[thread]! < (beat === 0 ? FIRST_BEAT_MISSES : MISSES)) continue;
      this.#watched[thread] = 0;
      this.#onHung(thread);
    }
  }
}
