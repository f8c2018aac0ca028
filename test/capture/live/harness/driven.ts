import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import type { BoxNamespace } from "../../../box/harness/box-namespace.ts";
import { until } from "../../../e2e/harness/until.ts";

const LIMIT_MS = 20_000;

/** A program in a network namespace that is told what to do by lines and says by lines what happens. */
export class Driven implements AsyncDisposable {
  readonly lines: string[] = [];
  /** What it wrote to standard error. */
  said = "";
  readonly #child: ChildProcessWithoutNullStreams;
  #ended = false;

  constructor(where: BoxNamespace, args: readonly string[]) {
    const { command, args: all } = where.enter({ command: process.execPath, args });
    this.#child = spawn(command, all, { stdio: "pipe" });
    let rest = "";
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      this.lines.push(...parts);
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.said = (this.said + text).slice(-8_000);
    });
    this.#child.stdin.on("error", () => {});
    this.#child.on("exit", () => {
      this.#ended = true;
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits for a line from the given one on. @returns it, and how long that took in milliseconds. */
  async line(
    wanted: RegExp,
    from = 0,
    limitMs = LIMIT_MS,
  ): Promise<{ readonly text: string; readonly tookMs: number }> {
    const find = (): string | undefined => this.lines.slice(from).find((line) => wanted.test(line));
    const found = (): unknown => ({
      lines: this.lines.slice(from).slice(-10),
      said: this.said.slice(-1_000),
    });
    const tookMs = await until(`a line ${wanted}`, () => find() !== undefined, found, limitMs);
    return { text: find()!, tookMs };
  }

  /** Ends it. @param signal which it is asked by; after 5 s it is killed. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#ended) return;
    this.#child.kill(signal);
    this.#child.kill("SIGCONT");
    await until("it ends", () => this.#ended, undefined, 5_000).catch(() => this.#child.kill("SIGKILL"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}
