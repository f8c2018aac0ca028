import { LineProgram } from "./pinned.ts";
import { compile, OTHER_CORE } from "./programs.ts";

/** Calls a second, whatever becomes of those before. */
export const CALLS_PER_SECOND = 500;
/** Where the innocent calls from: its budgets are its own. */
const SOURCE = "127.0.0.2";

interface Tally {
  readonly due: number;
  readonly answered: number;
  /** Ended with an error. */
  readonly failed: number;
  /** Their connection ended, or no answer came in 5 s. */
  readonly lost: number;
}

/** What the innocent saw of one window. */
export interface WindowResult {
  readonly window: Tally;
  readonly all: Tally;
  /** Connections made; 1 is the first. */
  readonly reconnects: number;
  readonly goaways: number;
  /** Calls timed: those of the window that were answered while no core was away. */
  readonly timed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The judge: a client with a connection of its own that calls at a constant rate and times calls from when they were due. */
export class Innocent {
  readonly #program: LineProgram;

  /** @param host where it connects to. */
  constructor(port: number, authority: string, host = "127.0.0.1") {
    const args = ["--port", String(port), "--source", SOURCE, "--authority", authority];
    const rate = ["--rate", String(CALLS_PER_SECOND), "--host", host];
    this.#program = new LineProgram(OTHER_CORE, compile("innocent"), [...args, ...rate]);
  }

  /** What it complained of: calls that failed, connections lost. */
  get complaints(): string {
    return this.#program.complaints;
  }

  /** Calls that become due from now on belong to a new window. */
  open(): void {
    this.#program.tell("open");
  }

  /** Ends the window. @returns its result when its last call has ended. */
  close(): Promise<WindowResult> {
    this.#program.tell("close");
    return this.#program.hear<WindowResult>();
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
