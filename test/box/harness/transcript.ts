import { spawn } from "node:child_process";
import { LAUNCHER } from "./logged-program.ts";

const LIMIT_MS = 60_000;

/** What commands of a walk find in their surroundings. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * What somebody sees who walks through something by commands: they are run, and their output, what was expected of it and the time it took are told as they come, as
 * the text of a page.
 */
export class Transcript {
  /** Expectations that did not hold. */
  readonly failures: string[] = [];
  readonly #tell: (text: string) => void;
  readonly #startMs = performance.now();
  #stepMs = 0;
  #steps = 0;
  #text = "";
  #isInList = false;

  /** @param tell is given the text piece by piece. */
  constructor(tell: (text: string) => void = () => {}) {
    this.#tell = tell;
  }

  /** All that was told. */
  get text(): string {
    return this.#text;
  }

  /** Since the beginning. */
  get seconds(): number {
    return (performance.now() - this.#startMs) / 1_000;
  }

  /** Begins a step. @param why what it is for. */
  step(title: string, why: string): void {
    this.#steps++;
    this.#stepMs = performance.now();
    this.#paragraph(`## ${this.#steps}. ${title}\n\n${why}`);
  }

  /** Ends a step, with the time that it took. */
  done(): void {
    const tookSeconds = (performance.now() - this.#stepMs) / 1_000;
    this.#paragraph(`Took ${tookSeconds.toFixed(1)} s, at ${this.seconds.toFixed(0)} s.`);
  }

  /** Says what was expected, and whether it is so. */
  expect(isSo: boolean, what: string): void {
    if (!isSo) this.failures.push(what);
    this.#say(`${this.#isInList ? "" : "\n"}- ${isSo ? "✓" : "✗"} ${what}\n`);
    this.#isInList = true;
  }

  /**
   * Runs a command to its end. @param typed `isobar …`, `kubectl …`, as it is shown. @param wanted its exit code.
   * @returns what it printed on both streams.
   */
  async run(
    typed: string,
    { cwd, env }: Surroundings,
    input: { readonly given?: string; readonly wanted?: number } = {},
  ): Promise<string> {
    const [name = "", ...args] = typed.split(" ");
    const [command, all] = name === "isobar" ? [process.execPath, [LAUNCHER, ...args]] : [name, args];
    const child = spawn(command, all, { cwd, env: { ...process.env, ...env }, timeout: LIMIT_MS });
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
    child.stdin.on("error", () => {});
    child.stdin.end(input.given ?? "");
    const code = await new Promise((resolve) => {
      child.on("close", resolve);
      child.on("error", (error) => {
        printed += `${error.message}\n`;
        resolve(null);
      });
    });
    this.shown(typed, printed);
    const { wanted = 0 } = input;
    if (code !== wanted)
      this.expect(false, `\`${typed}\` ends with ${wanted}, and it ended with ${String(code)}`);
    return printed;
  }

  /** Shows something that was done otherwise as if it had been typed. */
  shown(typed: string, printed = ""): void {
    const end = printed === "" || printed.endsWith("\n") ? "" : "\n";
    this.#paragraph(
      `<!-- not run: the script does, in the cluster in a box -->\n\`\`\`console\n$ ${typed}\n${printed}${end}\`\`\``,
    );
  }

  #paragraph(text: string): void {
    this.#say(`${this.#text === "" ? "" : "\n"}${text}\n`);
    this.#isInList = false;
  }

  #say(text: string): void {
    this.#text += text;
    this.#tell(text);
  }
}
