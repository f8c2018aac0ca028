import type { ChildProcess } from "node:child_process";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChildOrder, ChildReport, ReadyReport } from "./child-message.ts";
import { DemoFailure } from "./demo-failure.ts";

const READY_WITHIN_MS = 20_000;
const OUTPUT_KEPT = 2000;

/** A process that the demo started. */
export interface DemoChild {
  readonly label: string;
  readonly process: ChildProcess;
  /** The end of what it wrote to its standard output and error. */
  output: string;
  /** Set before it is ended on purpose. */
  expectedToEnd: boolean;
}

/**
 * All processes that the demo started: none is left behind, whichever way the demo ends, and each is ended by its own
 * process id.
 */
export class DemoChildren {
  /** Rejects when a child ends that nobody has ended. */
  readonly failed: Promise<never>;

  readonly #children = new Set<DemoChild>();
  readonly #atExit = () => this.#killAll();
  #fail!: (reason: DemoFailure) => void;
  #closed = false;

  constructor() {
    this.failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for it sees the failure; without anyone waiting it must not end the process.
    this.failed.catch(() => {});
    process.on("exit", this.#atExit);
  }

  /**
   * Starts one of the demo's own scripts, the one named `<name>-process`, and waits until it is ready.
   *
   * @param settings becomes its first argument, as JSON.
   */
  async fork(
    name: "backend" | "load",
    label: string,
    settings: object,
    onReport: (message: ChildReport) => void,
  ): Promise<{ child: DemoChild; ready: ReadyReport }> {
    // The same extension as this file: .ts in a checkout, .js once built.
    const script = new URL(`./${name}-process${extname(import.meta.url)}`, import.meta.url);
    const child = this.#adopt(
      label,
      fork(fileURLToPath(script), [JSON.stringify(settings)], { stdio: ["ignore", "pipe", "pipe", "ipc"] }),
    );
    const ready = new Promise<ReadyReport>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new DemoFailure(`${label} is not ready after 20 s`)),
        READY_WITHIN_MS,
      );
      child.process.once("close", () => {
        clearTimeout(late);
        reject(new DemoFailure(`${label} ended before it was ready`));
      });
      child.process.on("message", (message: ChildReport) => {
        if (message.kind === "ready") {
          clearTimeout(late);
          resolve(message);
        } else if (message.kind === "failed") {
          clearTimeout(late);
          reject(new DemoFailure(`${label}: ${message.reason}`));
          this.#fail(new DemoFailure(`${label}: ${message.reason}`));
        } else {
          onReport(message);
        }
      });
    });
    return { child, ready: await Promise.race([ready, this.failed]) };
  }

  /** Starts a program that knows nothing of the demo, in a process group of its own so that Ctrl-C spares it. */
  spawn(label: string, file: string, args: readonly string[]): DemoChild {
    return this.#adopt(
      label,
      spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, env: plainEnvironment() }),
    );
  }

  /** Sends an order to a child that was forked; one that is gone does not get it. */
  send(child: DemoChild, order: ChildOrder): void {
    if (child.process.connected) child.process.send(order, () => {});
  }

  /** Ends a child and waits until it has: politely first if `graceMs` is more than 0. */
  async end(child: DemoChild, graceMs: number): Promise<void> {
    child.expectedToEnd = true;
    if (!isRunning(child)) return;
    const ended = once(child.process, "exit");
    child.process.kill(graceMs > 0 ? "SIGTERM" : "SIGKILL");
    const impatience = setTimeout(() => child.process.kill("SIGKILL"), graceMs);
    await ended;
    clearTimeout(impatience);
  }

  /** Ends every child that still runs; none can be started any more. */
  async endAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#children].map((child) => this.end(child, 0)));
    process.removeListener("exit", this.#atExit);
  }

  #adopt(label: string, started: ChildProcess): DemoChild {
    const child: DemoChild = { label, process: started, output: "", expectedToEnd: this.#closed };
    this.#children.add(child);
    // Ctrl-C while something was about to start.
    if (this.#closed) started.kill("SIGKILL");
    const keep = (chunk: Buffer) => {
      child.output = (child.output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    started.stdout?.on("data", keep);
    started.stderr?.on("data", keep);
    started.on("error", (error) => this.#fail(new DemoFailure(`cannot start ${label}: ${error.message}`)));
    // "close", not "exit": by then its last words have arrived.
    started.on("close", (code, signal) => {
      this.#children.delete(child);
      if (!child.expectedToEnd) this.#fail(new DemoFailure(describeEnd(child, code, signal)));
    });
    return child;
  }

  #killAll(): void {
    for (const child of this.#children) {
      if (isRunning(child)) child.process.kill("SIGKILL");
    }
  }
}

// Without what would override the configuration that the demo has written, such as the zone of the node.
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ISOBAR_")));
}

function isRunning(child: DemoChild): boolean {
  return (
    child.process.exitCode === null && child.process.signalCode === null && child.process.pid !== undefined
  );
}

function describeEnd(child: DemoChild, code: number | null, signal: string | null): string {
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  const words = child.output.trim();
  return words === "" ? `${child.label} ${how}` : `${child.label} ${how}; its last output:\n${words}`;
}
