import type { Child } from "../../clients/harness/child.ts";
import type { Language } from "../../clients/harness/language.ts";
import type { LoadReport } from "../../e2e/harness/caller.ts";
import type { BoxPod } from "./box-pod.ts";

const END_LIMIT_MS = 30_000;

/** What a client of a test dials, and how. */
export interface LoadTarget {
  readonly target: string;
  readonly authority: string;
  /** Of the client's process, beside the language's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A client in a Pod that calls without a pause on one channel: four unary calls at a time, a long stream and a short one. */
export class BoxLoad {
  /** What the ids of its calls begin with. */
  readonly name: string;
  readonly #child: Child;

  /** @param delayMs how long each unary call takes at its server. */
  constructor(pod: BoxPod, language: Language, name: string, to: LoadTarget, delayMs = 20) {
    this.name = name;
    const { target, authority, env = {} } = to;
    const program = { ...language.program, env: { ...language.program.env, ...env } };
    const options = ["--target", target, "--authority", authority, "--name", name];
    this.#child = pod.run(program, ["load", ...options, "--delay-ms", String(delayMs)]);
  }

  /** Lets its last calls finish. */
  async finish(): Promise<LoadReport> {
    this.#child.endInput();
    const { stdout, stderr } = await this.#child.waitForEnd(END_LIMIT_MS);
    const last = stdout.trim().split("\n").at(-1) ?? "";
    if (!last.startsWith("{")) throw new Error(`${this.name} ended without a report: ${stdout}${stderr}`);
    return { name: this.name, ...(JSON.parse(last) as Omit<LoadReport, "name">) };
  }
}
