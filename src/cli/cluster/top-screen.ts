const { stdin, stdout } = process;
const CLEAR = "\x1b[H\x1b[J";
const [ENTER, LEAVE] = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"];
/** Lines of the screen that are no row of a table. */
const HEAD_LINES = 4;

/** A terminal that shows one text after the other in place of what it had, and has that again afterwards. */
export class TopScreen {
  readonly #onKey: (key: string) => void = () => {};
  readonly #read = (octets: Buffer): void => {
    for (const key of octets.toString("latin1")) this.#onKey(key);
  };

  /** @param onKey told each key, also Ctrl-C ("\x03"), which a terminal makes no signal of meanwhile. */
  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
    stdout.write(ENTER);
    if (!stdin.isTTY) return;
    stdin.setRawMode(true);
    stdin.on("data", this.#read);
  }

  /** Shows as much of a text as there is room for: a longer one would scroll its head away. */
  show(text: string): void {
    const room = Math.max((stdout.rows ?? 24) - 1, HEAD_LINES + 1);
    const width = stdout.columns ?? 80;
    const lines = text.split("\n").slice(0, room);
    stdout.write(CLEAR + lines.map((line) => line.slice(0, width)).join("\n"));
  }

  /** The terminal is as it was. */
  leave(): void {
    stdout.write(LEAVE);
    stdin.off("data", this.#read);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
  }
}
