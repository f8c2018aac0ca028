import type { AdminSource } from "./admin-source.ts";
import type { PodProgram } from "./pod-program.ts";

/** The admin server of a container, asked by a command that runs in it. */
export class PodAdmin implements AdminSource {
  readonly name: string;
  readonly #program: PodProgram;

  constructor(program: PodProgram) {
    const { container, node, name } = program.pod;
    this.name = container === "proxy" && node !== "" ? node : name;
    this.#program = program;
  }

  get(path: string): Promise<Buffer> {
    return this.#program.output(["ask", path]);
  }

  follow(
    path: string,
    everyMs: number,
    onAnswer: (body: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#program.follow(
      ["ask", path, "--every", `${everyMs / 1_000}`],
      (line) => onAnswer(JSON.parse(line)),
      signal,
    );
  }
}
