import { Child } from "../../clients/harness/child.ts";
import type { Language } from "../../clients/harness/language.ts";

/** How long each unary call takes at its server: six calls at a time are enough to see where a client's calls go. */
const DELAY_MS = 100;
const END_LIMIT_MS = 60_000;

/** A call that failed. */
export interface FailedCall {
  readonly id: string;
  /** Of gRPC. */
  readonly status: number;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a client's load ends with. */
export interface LoadReport {
  readonly name: string;
  readonly unary: number;
  readonly streams: number;
  readonly failed: readonly FailedCall[];
}

/** A client that calls without a pause, in a process of its own. */
export class Caller {
  /** What the ids of its calls begin with. */
  readonly name: string;
  readonly #child: Child;

  /** @param env of the client's process, beside the language's own. */
  constructor(
    name: string,
    language: Language,
    target: string,
    authority: string,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.name = name;
    const program = { ...language.program, env: { ...language.program.env, ...env } };
    const options = ["--target", target, "--authority", authority, "--name", name];
    this.#child = new Child(program, ["load", ...options, "--delay-ms", String(DELAY_MS)]);
  }

  /** Lets its last calls finish. */
  async finish(): Promise<LoadReport> {
    this.#child.endInput();
    const { stdout, stderr } = await this.#child.waitForEnd(END_LIMIT_MS);
    const last = stdout.trim().split("\n").at(-1) ?? "";
    if (!last.startsWith("{")) throw new Error(`${this.name} ended without a report: ${stdout}${stderr}`);
    return { name: this.name, ...(JSON.parse(last) as Omit<LoadReport, "name">) };
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}
