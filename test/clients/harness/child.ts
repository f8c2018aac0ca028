import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import type { Program } from "./language.ts";

const TAIL_CHARACTERS = 4_000;
const KILL_AFTER_MS = 3_000;

/** What became of a process that ended. */
export type Ended = {
  readonly code: number | null;
  readonly stdout: string;
  /** The end of what it wrote to standard error. */
  readonly stderr: string;
};

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
// Without a listener a signal would end this process before its "exit" event.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

/** A process that is ended at the latest when this one ends. */
export class Child {
  readonly ended: Promise<Ended>;
  #stdout = "";
  #stderr = "";
  readonly #process: ChildProcess;
  #onOutput: () => void = () => {};

  constructor(program: Program, args: readonly string[], cwd?: string) {
    const env = { ...process.env, ...program.env };
    this.#process = spawn(program.command, [...program.args, ...args], {
      cwd,
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.add(this.#process);
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#onOutput();
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-TAIL_CHARACTERS);
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number | null): void => {
        running.delete(this.#process);
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      };
      this.#process.on("close", end);
      this.#process.on("error", (error) => {
        this.#stderr += error.message;
        end(null);
      });
    });
  }

  /** The process's id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Sends a signal and waits for nothing. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Writes to the process's standard input and closes it; the process was made with `input`. */
  endInput(text = ""): void {
    this.#process.stdin?.end(text);
  }

  /** @returns the first match in standard output; rejects when the process ends or the limit runs out before. */
  async waitForOutput(wanted: RegExp, limitMs: number): Promise<RegExpExecArray> {
    const matched = new Promise<RegExpExecArray>((resolve) => {
      this.#onOutput = () => {
        const match = wanted.exec(this.#stdout);
        if (match !== null) resolve(match);
      };
      this.#onOutput();
    });
    const gone = this.ended.then(({ code, stderr }) => {
      throw new Error(`ended with code ${code} before it wrote ${wanted}: ${stderr}`);
    });
    return withLimit(
      Promise.race([matched, gone]),
      limitMs,
      () => `did not write ${wanted}: ${this.#stderr}`,
    );
  }

  /** Waits for the process to end by itself; past the limit it is killed and the promise rejects. */
  async waitForEnd(limitMs: number): Promise<Ended> {
    try {
      return await withLimit(this.ended, limitMs, () => `still ran: ${this.#stdout}${this.#stderr}`);
    } finally {
      this.#process.kill("SIGKILL");
    }
  }

  /** Asks the process to end, insists after a while, and waits until it has. */
  async stop(): Promise<Ended> {
    this.#process.kill("SIGTERM");
    const insist = setTimeout(() => this.#process.kill("SIGKILL"), KILL_AFTER_MS);
    const ended = await this.ended;
    clearTimeout(insist);
    return ended;
  }
}

async function withLimit<T>(promise: Promise<T>, limitMs: number, complaint: () => string): Promise<T> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => expired.reject(new Error(`${complaint()} (after ${limitMs} ms)`)), limitMs);
  try {
    return await Promise.race([promise, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
