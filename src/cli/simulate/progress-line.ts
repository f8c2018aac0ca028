/** Shows on a terminal how far a long work is; on anything else it says nothing. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #shows: boolean;
  #what = "";
  #total = 0;
  #done = 0;
  #runs = 0;
  #shownMs = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    const { TERM } = process.env;
    this.#shows = stream.isTTY === true && TERM !== "dumb";
  }

  /** Begins to count anew. @param total how many of `what` there will be: "sizes", that take nobody knows how many runs, or "runs" themselves. */
  begin(total: number, what = "runs"): void {
    this.#total = total;
    this.#what = what;
    this.#done = 0;
    this.#runs = 0;
    this.#show();
  }

  /** One of what was announced is done. */
  step(): void {
    this.#done++;
    this.#show();
  }

  /** A simulation has ended. */
  ran(): void {
    if (this.#what === "runs") this.#done++;
    else this.#runs++;
    if (performance.now() - this.#shownMs >= 100) this.#show();
  }

  /** Takes the line away: for something that is to stand there instead. */
  clear(): void {
    if (this.#shows) this.#stream.write("\r\x1b[K");
  }

  #show(): void {
    if (!this.#shows) return;
    this.#shownMs = performance.now();
    const runs = this.#what === "runs" ? "" : `, ${this.#runs} runs`;
    this.#stream.write(`\r\x1b[K${this.#done} of ${this.#total} ${this.#what}${runs}`);
  }
}
