import type { Child } from "../../clients/harness/child.ts";
import { go } from "../../clients/harness/go.ts";
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
  /** How long each of its bidirectional streams lasts, one after the other; default 0: it has none. */
  readonly bidiMs?: number;
}

/** A client in a Pod that calls without a pause on one channel: four unary calls at a time, a long stream and a short one, and if wished a bidirectional one. */
export class BoxLoad {
  /** What the ids of its calls begin with. */
  readonly name: string;
  readonly #child: Child;

  constructor(
    pod: BoxPod,
    language: Language,
    name: string,
    to: LoadTarget,
    command: readonly string[] = ["load"],
  ) {
    this.name = name;
    const { target, authority, env = {}, bidiMs = 0 } = to;
    const program = { ...language.program, env: { ...language.program.env, ...env } };
    this.#child = pod.run(program, [
      ...command,
      "--target",
      target,
      "--authority",
      authority,
      "--name",
      name,
      ...(bidiMs > 0 ? ["--bidi-ms", String(bidiMs)] : []),
    ]);
  }

  /** Keeps many channels open instead, and calls each once in a period. */
  static hold(pod: BoxPod, name: string, to: LoadTarget, channels: number, periodMs: number): BoxLoad {
    return new BoxLoad(pod, go, name, to, [
      "hold",
      "--channels",
      String(channels),
      "--period",
      `${periodMs}ms`,
    ]);
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
