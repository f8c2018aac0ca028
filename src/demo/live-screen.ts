import type { Writable } from "node:stream";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
// Terminals that know synchronized output show the new picture at once; the others ignore the two sequences.
const BEGIN_PICTURE = "\x1b[?2026h";
const END_PICTURE = "\x1b[?2026l";

/**
 * The lower end of a terminal, redrawn in place: each line is written over the one before it and only then cleared to
 * its right, so that nothing flickers. Text that is to stay goes above through {@link print}.
 */
export class LiveScreen {
  readonly #output: Writable;
  readonly #live: boolean;
  readonly #rows: () => number;
  readonly #showCursor = () => this.#output.write(SHOW_CURSOR);
  #drawn = 0;

  /**
   * @param live if false, pictures are not drawn at all, and only printed text appears.
   * @param rows the height of the terminal; a picture is cut to fit.
   */
  constructor(output: Writable, live: boolean, rows: () => number) {
    this.#output = output;
    this.#live = live;
    this.#rows = rows;
    if (!live) return;
    output.write(HIDE_CURSOR);
    process.on("exit", this.#showCursor);
  }

  /** Replaces the picture. */
  draw(lines: readonly string[]): void {
    if (!this.#live) return;
    const fitting = lines.slice(0, Math.max(1, this.#rows() - 1));
    this.#output.write(
      `${BEGIN_PICTURE}${this.#home()}${fitting.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J${END_PICTURE}`,
    );
    this.#drawn = fitting.length;
  }

  /** Takes the picture away and writes lines that stay. */
  print(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join("");
    this.#output.write(this.#live ? `${this.#home()}\x1b[J${text}` : text);
    this.#drawn = 0;
  }

  /** Takes the picture away and gives the terminal back as it was. */
  close(): void {
    if (!this.#live) return;
    this.#output.write(`${this.#home()}\x1b[J${SHOW_CURSOR}`);
    this.#drawn = 0;
    process.removeListener("exit", this.#showCursor);
  }

  #home(): string {
    return this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A\r`;
  }
}
