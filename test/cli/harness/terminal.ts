import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { REPOSITORY } from "../../clients/harness/paths.ts";

/** What became of a command on a terminal. */
export interface TerminalEnd {
  readonly code: number;
  /** Whether the terminal's settings are as they were before the command. */
  readonly restored: boolean;
}

/** @returns why there are no terminals for tests here; undefined where there are. */
export function missingTerminal(): string | undefined {
  const { status } = spawnSync("python3", ["-c", "import pty, termios"]);
  return status === 0 ? undefined : "python3 with the module pty is not there";
}

/** A command on a terminal of 24 lines and 100 columns, as a person has it. */
export class Terminal implements Disposable {
  readonly ended: Promise<TerminalEnd>;
  readonly #child: ChildProcessWithoutNullStreams;
  #shown = "";
  #onShown: () => void = () => {};

  constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    const program = join(REPOSITORY, "test/cli/harness/terminal.py");
    this.#child = spawn("python3", [program, ...command], { env: { ...process.env, TERM: "xterm", ...env } });
    let said = "";
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#shown += text;
      this.#onShown();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", () => {
        try {
          resolve(JSON.parse(said.trim().split("\n").at(-1) ?? "") as TerminalEnd);
        } catch {
          reject(new Error(`the terminal broke: ${said}`));
        }
      });
    });
    // Who waits for it is told; nobody else needs to be.
    this.ended.catch(() => {});
  }

  /** Everything that was shown so far, with what moves the cursor. */
  get shown(): string {
    return this.#shown;
  }

  /** Presses keys. */
  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Waits until something is shown. @param from how much of {@link shown} is not looked at. @throws Error after 30 s. */
  async shows(pattern: RegExp, from = 0): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (pattern.test(this.#shown.slice(from))) resolve();
    };
    const timer = setTimeout(
      () => reject(new Error(`${pattern} is not in ${JSON.stringify(this.#shown.slice(from))}`)),
      30_000,
    );
    this.#onShown = look;
    look();
    await promise.finally(() => clearTimeout(timer));
  }

  [Symbol.dispose](): void {
    this.#child.stdin.destroy();
    this.#child.kill("SIGKILL");
  }
}
