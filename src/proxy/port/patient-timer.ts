/**
 * One timer for a connection's silence. When it runs out, what has arrived by then is read first: a thread that was busy must
 * not take its own delay for the peer's.
 */
export class PatientTimer {
  #timer: NodeJS.Timeout | undefined;

  /** In place of what was set before. */
  set(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    const timer = setTimeout(() => {
      // Timers run before the reads of their turn of the loop, immediates after them.
      setImmediate(() => {
        if (this.#timer === timer) act();
      });
    }, ms);
    this.#timer = timer;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
