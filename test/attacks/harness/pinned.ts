import type { ChildProcess, StdioOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const KILL_AFTER_MS = 5_000;
const ANSWER_LIMIT_MS = 30_000;
const running = new Set<ChildProcess>();

// Whatever ends the test, nothing it started stays behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A program bound to one core. */
export class Pinned {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** The end of what it wrote to standard error. */
  complaints = "";

  /** @param yielding whether it runs only when nobody else wants the core. */
  constructor(
    core: number,
    yielding: boolean,
    command: string,
    args: readonly string[],
    stdio: StdioOptions,
  ) {
    const policy = yielding ? "--idle" : "--other";
    const line = ["-c", String(core), "chrt", policy, "0", command, ...args];
    this.child = spawn("taskset", line, { stdio });
    running.add(this.child);
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.complaints = (this.complaints + text).slice(-4_000);
    });
    this.ended = once(this.child, "exit").then(([code]) => {
      running.delete(this.child);
      return code as number | null;
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGTERM");
    const insist = setTimeout(() => this.child.kill("SIGKILL"), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(insist);
  }
}

/** A program of the suite's own in C: takes lines, answers with lines of JSON. */
export class LineProgram extends Pinned {
  readonly #lines: AsyncIterator<string>;

  constructor(core: number, command: string, args: readonly string[]) {
    super(core, false, command, args, ["pipe", "pipe", "pipe"]);
    this.#lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  tell(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  /** @returns its next line. */
  async hear<T>(): Promise<T> {
    const { value, done } = await withLimit(
      this.#lines.next(),
      () => `no answer; it said: ${this.complaints}`,
    );
    if (done) throw new Error(`a program of the suite has ended: ${this.complaints}`);
    return JSON.parse(value) as T;
  }
}

/** A TypeScript program of the suite's own, spoken to over IPC: one answer for each order. */
export class IpcProgram extends Pinned {
  constructor(core: number, yielding: boolean, path: string) {
    super(core, yielding, process.execPath, [path], ["ignore", "inherit", "inherit", "ipc"]);
  }

  async hear<T>(): Promise<T> {
    const gone = this.ended.then((code) => {
      throw new Error(`a program of the suite has ended with code ${code}`);
    });
    const [answer] = await withLimit(Promise.race([once(this.child, "message"), gone]), () => "no answer");
    return answer as T;
  }

  async ask<T>(order: object): Promise<T> {
    const answer = this.hear<T>();
    this.child.send(order);
    return answer;
  }
}

async function withLimit<T>(promise: Promise<T>, complaint: () => string): Promise<T> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => expired.reject(new Error(complaint())), ANSWER_LIMIT_MS);
  try {
    return await Promise.race([promise, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
