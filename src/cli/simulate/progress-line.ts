/** Shows on a terminal how far a long work is; on anything else it says nothing. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #total: number;
  readonly #shows: boolean;
  #done = 0;
  #shownMs = 0;

  constructor(stream: NodeJS.WriteStream, total: number) {
    this.#stream = stream;
    this.#total = total;
    const { TERM } = process.env;
    this.#shows = stream.isTTY === true && TERM !== "dumb";
  }

  step(): void {
    this.#done++;
    const nowMs = performance.now();
    if (!this.#shows || nowMs - this.#shownMs < 100) return;
    this.#shownMs = nowMs;
    this.#stream.write(`\r\x1b[K${this.#done} of ${this.#total} runs`);
  }

  clear(): void {
    if (this.#shows) this.#stream.write("\r\x1b[K");
  }
}
