import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const running = new Set<ChildProcess>();

// Whatever ends the comparison, nothing it started stays behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A child process that takes and gives lines of JSON; disposing ends it. */
export class LineProcess implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #lines: AsyncIterator<string>;
  #complaints = "";

  /** @param environment beside our own. */
  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#name = [command.split("/").at(-1), ...args.slice(0, 1)].join(" ");
    this.#child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    running.add(this.#child);
    this.#child.on("exit", () => running.delete(this.#child));
    this.#child.on("error", (error) => (this.#complaints += String(error)));
    this.#child.stdin!.on("error", () => {});
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2_000);
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    this.pid = this.#child.pid ?? 0;
  }

  /** Whether it has ended, and what it said last. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    const running = exitCode === null && signalCode === null && this.pid > 0;
    return running ? undefined : `${this.#name} has ended (${exitCode ?? signalCode}): ${this.#complaints}`;
  }

  /** Writes one line. */
  tell(value: object): void {
    this.#child.stdin!.write(`${JSON.stringify(value)}\n`);
  }

  /** Reads one line. @throws Error when it ends instead. */
  async hear(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done !== true) return JSON.parse(value) as unknown;
    if (this.#child.exitCode === null && this.pid > 0) await once(this.#child, "exit");
    throw new Error(this.ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended !== undefined) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2_000);
    await exit;
    clearTimeout(timer);
  }
}
