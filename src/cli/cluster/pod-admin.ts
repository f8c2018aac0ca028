import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { ApiConnection } from "../../kube/api-connection.ts";
import type { PodCommandEnd } from "../../kube/pod-exec.ts";
import { execInPod } from "../../kube/pod-exec.ts";
import type { AdminSource } from "./admin-source.ts";

/** A Pod of ours. */
export interface IsobarPod {
  readonly namespace: string;
  readonly name: string;
  readonly container: "proxy" | "control-plane";
  /** Where it runs; "" before it does. */
  readonly node: string;
  /** Its `status.phase`, and whether its containers are ready. */
  readonly phase: string;
  readonly isReady: boolean;
}

const ANSWER_MS = 15_000;
/** More than any answer has; a container that writes without end must not fill our memory. */
const MAX_OCTETS = 64 * 1_048_576;

/** The admin server of a container, asked by a command that runs in it. */
export class PodAdmin implements AdminSource {
  readonly name: string;
  readonly #connection: ApiConnection;
  readonly #pod: IsobarPod;

  constructor(connection: ApiConnection, pod: IsobarPod) {
    this.name = pod.container === "proxy" && pod.node !== "" ? pod.node : pod.name;
    this.#connection = connection;
    this.#pod = pod;
  }

  async get(path: string): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let octets = 0;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), ANSWER_MS);
    const end = await this.#run(
      [path],
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

  async follow(
    path: string,
    everyMs: number,
    onAnswer: (body: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let rest = "";
    const end = await this.#run(
      [path, "--every", `${everyMs / 1_000}`],
      (piece) => {
        const lines = (rest + piece.toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") onAnswer(JSON.parse(line));
      },
      signal,
    );
    if (!signal.aborted) throw this.#failure(end);
  }

  #run(
    args: readonly string[],
    onOutput: (octets: Buffer) => void,
    signal: AbortSignal,
  ): Promise<PodCommandEnd> {
    const { namespace, name: pod, container } = this.#pod;
    return execInPod(
      this.#connection,
      { namespace, pod, container, command: ["isobar", "ask", ...args] },
      onOutput,
      signal,
    );
  }

  #failure({ message, stderr, code }: PodCommandEnd): ExitError {
    const { namespace, name, container } = this.#pod;
    const why = stderr.trim() || message || `it ended with ${code}`;
    return new ExitError(
      ExitCode.unavailable,
      `${namespace}/${name} (container ${container}) cannot be asked: ${why}`,
    );
  }
}
