import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { ApiConnection } from "../../kube/api-connection.ts";
import type { PodCommandEnd } from "../../kube/pod-exec.ts";
import { execInPod } from "../../kube/pod-exec.ts";

import type { IsobarPod } from "./isobar-pod.ts";

const ANSWER_MS = 15_000;
/** More than any answer has; a container that writes without end must not fill our memory. */
const MAX_OCTETS = 64 * 1_048_576;

/** The program `isobar` of a container, run there with the rights of a kubeconfig. */
export class PodProgram {
  readonly pod: IsobarPod;
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection, pod: IsobarPod) {
    this.#connection = connection;
    this.pod = pod;
  }

  /**
   * @param words of the command line, behind `isobar`. @param limitMs how long it may take.
   * @returns what it writes. @throws ExitError when it ends with anything but 0: with `usage` where the command itself said so.
   */
  async output(words: readonly string[], limitMs = ANSWER_MS): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let octets = 0;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limitMs);
    const end = await this.#run(
      words,
      (piece) => {
        octets += piece.length;
        if (octets > MAX_OCTETS) limit.abort();
        else pieces.push(piece);
      },
      limit.signal,
    ).finally(() => clearTimeout(timer));
    if (end.code !== 0) throw this.#failure(end);
    return Buffer.concat(pieces);
  }

  /** Runs until `signal` ends it. @param onLine told each line that it writes. @throws ExitError when it ends by itself. */
  async follow(words: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    let rest = "";
    const end = await this.#run(
      words,
      (piece) => {
        const lines = (rest + piece.toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") onLine(line);
      },
      signal,
    );
    if (!signal.aborted) throw this.#failure(end);
  }

  #run(
    words: readonly string[],
    onOutput: (octets: Buffer) => void,
    signal: AbortSignal,
  ): Promise<PodCommandEnd> {
    const { namespace, name: pod, container } = this.pod;
    const command = ["isobar", ...words];
    return execInPod(this.#connection, { namespace, pod, container, command }, onOutput, signal);
  }

  #failure({ message, stderr, code }: PodCommandEnd): ExitError {
    const { namespace, name, container } = this.pod;
    const why = stderr.trim() || message || `it ended with ${code}`;
    return new ExitError(
      code === ExitCode.usage ? ExitCode.usage : ExitCode.unavailable,
      `${namespace}/${name} (container ${container}) cannot be asked: ${why}`,
    );
  }
}
