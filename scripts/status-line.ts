/** One line on a terminal that is overwritten by the next; nothing at all where standard error is none. */
export class StatusLine {
  readonly #stream: NodeJS.WriteStream;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** Shows what `text` returns, now and every half second, until {@link clear}. */
  show(text: () => string): void {
    this.clear();
    if (this.#stream.isTTY !== true) return;
    const draw = (): void => {
      const room = Math.max(20, this.#stream.columns ?? 80) - 1;
      this.#stream.write(`\r\u001b[K${text().slice(0, room)}`);
    };
    draw();
    this.#timer = setInterval(draw, 500);
    this.#timer.unref();
  }

  /** Removes the line, so that other output can follow. */
  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#stream.isTTY === true) this.#stream.write("\r\u001b[K");
  }
}

/** @returns a time span as people write it: `4.2 s`, `3 min 5 s`. */
export function formatSpan(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
