import type { AuditView } from "../../audit/audit-view.ts";
import type { AuditDifference } from "../../audit/diff-audit.ts";
import { joinViews, newestOf } from "../../audit/join-views.ts";
import type { Change } from "../../audit/list-changes.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { ClusterAccess } from "../cluster/cluster-access.ts";
import type { ClusterFlags } from "../cluster/cluster-options.ts";
import type { PodProgram } from "../cluster/pod-program.ts";

/** Files of a day are read through. */
const ANSWER_MS = 60_000;

/** What one replica answered. */
interface Said<T> {
  readonly program: PodProgram;
  readonly value: T;
}

/** The audits that a cluster's control plane has written, read in its Pods by the rights of a kubeconfig: each by its own `isobar audit`. */
export class PodAudits {
  /** Replicas that could not be asked, and why. */
  readonly notes: string[] = [];
  readonly #access: ClusterAccess;
  readonly #programs: readonly PodProgram[];

  private constructor(access: ClusterAccess, programs: readonly PodProgram[]) {
    this.#access = access;
    this.#programs = programs;
  }

  /** @throws ExitError where no replica writes one, or they may not be seen. */
  static async open(flags: ClusterFlags): Promise<PodAudits> {
    const access = ClusterAccess.open(flags);
    try {
      const all = await access.programs("control-plane");
      const programs = all.filter(({ pod }) => pod.auditDir !== "");
      if (programs.length > 0) return new PodAudits(access, programs);
      throw new ExitError(
        ExitCode.unavailable,
        all.length > 0
          ? `${all.map(({ pod }) => pod.name).join(", ")}: found no --audit-dir among the arguments of the container control-plane, wanted one: docs/audit.md`
          : ["no replica of the control plane runs there", ...access.notes].join("; "),
      );
    } catch (error) {
      await access.close();
      throw error;
    }
  }

  /** @param words of `isobar audit at`, without options of places and forms. */
  async at(words: readonly string[], node: string | undefined): Promise<AuditView> {
    const said = await this.#askEach<AuditView>(["at", ...words]);
    return joinViews(
      said.map(({ value }) => value),
      node,
      this.#programs.length,
    );
  }

  /** @param to the time by which the node's replica is found. */
  async diff(words: readonly string[], to: string, node: string | undefined): Promise<AuditDifference> {
    if (node === undefined || this.#programs.length === 1) {
      // All replicas know the same services, but one that is young has nothing of that time.
      const [first] = await this.#askEach<AuditDifference>(["diff", ...words]);
      return first!.value;
    }
    const said = await this.#askEach<AuditView>(["at", to, "--node", node]);
    const { program } = newestOf(said, ({ value }) => value);
    return parse<AuditDifference>(await this.#run(program, ["diff", ...words]));
  }

  /** @returns changes of all replicas in the order of time, each with its replica where there are several. */
  async log(words: readonly string[]): Promise<readonly Change[]> {
    const said = await this.#askEach<readonly Change[]>(["log", ...words], (text) =>
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => parse<Change>(line)),
    );
    const isSingle = this.#programs.length === 1;
    return said
      .flatMap(({ program, value }) =>
        isSingle ? value : value.map((change) => ({ ...change, replica: program.pod.name })),
      )
      .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  }

  close(): Promise<void> {
    return this.#access.close();
  }

  /** @throws ExitError when none of them can answer. */
  async #askEach<T>(
    words: readonly string[],
    read: (text: string) => T = parse<T>,
  ): Promise<readonly Said<T>[]> {
    const said: Said<T>[] = [];
    const failures: ExitError[] = [];
    for (const program of this.#programs)
      await this.#run(program, words).then(
        (text) => said.push({ program, value: read(text) }),
        (error: unknown) => {
          if (!(error instanceof ExitError)) throw error;
          failures.push(error);
        },
      );
    if (said.length === 0)
      throw new ExitError(failures[0]!.exitCode, failures.map(({ message }) => message).join("; "));
    this.notes.push(...failures.map(({ message }) => message));
    return said;
  }

  async #run(program: PodProgram, words: readonly string[]): Promise<string> {
    const where = ["--dir", program.pod.auditDir, "-o", "json"];
    return (await program.output(["audit", ...words, ...where], ANSWER_MS)).toString("utf8");
  }
}

function parse<T>(text: string): T {
  return JSON.parse(text) as T;
}
