import type { Command } from "commander";
import { Option } from "commander";
import { askReplicas, listReplicasChanges, readerOf } from "../../audit/ask-replicas.ts";
import { findTail } from "../../audit/audit-folder.ts";
import { AuditError, AuditReader } from "../../audit/audit-reader.ts";
import { diffAudit } from "../../audit/diff-audit.ts";
import type { Change } from "../../audit/list-changes.ts";
import { verifyAudit } from "../../audit/verify-audit.ts";
import { writtenName } from "../../audit/written-name.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { ClusterFlags } from "../cluster/cluster-options.ts";
import { auditText } from "./audit-text.ts";
import { changeText } from "./change-text.ts";
import { differenceText } from "./difference-text.ts";
import { MOMENT_FORMS, parseMoment } from "./parse-moment.ts";
import type { PodAudits } from "./pod-audits.ts";
import { isObjectName, ROLLBACK_KINDS, rollbackKind } from "./rollback-kind.ts";
import { verdictText } from "./verdict-text.ts";

interface Flags extends Pick<ClusterFlags, "kubeconfig" | "context" | "systemNamespace"> {
  /** Those of several replicas. */
  readonly dir: readonly string[];
  readonly output: "table" | "json";
}

interface AskFlags extends Flags {
  readonly node?: string;
  readonly service?: string;
}

interface LogFlags extends Flags {
  readonly service?: string;
  readonly policy?: string;
  readonly object?: string;
  readonly since: string;
  readonly until: string;
}

/** Where images have it. */
const FOLDER = "/var/lib/isobar/audit";

const EXAMPLES = `
Examples:
  isobar audit at 12:03:01 --node n7 --service shop/echo    what that node believed of the service
  isobar audit at -5m --service shop/echo                   who believed what of it
  isobar audit at now --node n7                             all services that the node has
  isobar audit diff 12:00 12:05 --service shop/echo         what changed, and why
  isobar audit log --policy shop/echo                       versions of a TrafficPolicy, for isobar rollback
  isobar audit log --object service/shop/echo               versions of a Service's annotations isobar.dev/…
  isobar audit verify --head 3f6c…                          whether somebody has changed the files
  isobar audit at -5m --node n7 --dir cp-0 --dir cp-1       of several replicas' files, whichever has the node
  isobar audit log --context prod                           read in the Pods of the control plane, of all replicas

With --kubeconfig or --context at, diff and log are answered by the control plane's Pods, as by kubectl exec; each reads the folder of its own
--audit-dir. It takes the rights of the role isobar-operator (docs/operations.md).

Times: ${MOMENT_FORMS}.
Services: namespace/name, namespace/name:port, or what clients call. The files are those of isobar control-plane
--audit-dir; each replica has its own, with the clients that were connected to it. More: docs/audit.md.`;

/** Adds `isobar audit`: what was known, who was told it, who believed it. */
export function addAuditCommand(program: Command): void {
  const { ISOBAR_AUDIT_DIR = FOLDER } = process.env;
  const audit = program
    .command("audit")
    .summary("show what a node believed at a time, and what changed it")
    .description(
      "Reads what isobar control-plane --audit-dir has written: services, who was sent what, and who accepted it when.",
    )
    .addHelpText("after", EXAMPLES);
  const usual: readonly string[] = [ISOBAR_AUDIT_DIR];
  /** @param reads whether it can be asked of a cluster's Pods. */
  const add = (usage: string, reads = false): Command => {
    const command = audit
      .command(usage)
      .addOption(
        new Option(
          "--dir <folder>",
          "the control plane's --audit-dir, of several replicas each; also ISOBAR_AUDIT_DIR",
        )
          .argParser((folder: string, former: readonly string[]) =>
            former === usual ? [folder] : [...former, folder],
          )
          .default(usual, ISOBAR_AUDIT_DIR),
      )
      .addOption(
        new Option("-o, --output <form>", "form of the output").choices(["table", "json"]).default("table"),
      );
    if (!reads) return command;
    return command
      .option("--kubeconfig <file>", "read it in the control plane's Pods; default: as kubectl does")
      .option("--context <name>", "the same, with this context of the kubeconfig")
      .option("--system-namespace <name>", "where Isobar is installed", "isobar-system");
  };
  add("at", true)
    .summary("what was known and believed at a time")
    .description("Shows what was known of services at a time, and what clients believed of them.")
    .argument("<time>", MOMENT_FORMS)
    .option("--node <id>", "what this node believed; default: who believed what")
    .option("--service <name>", "namespace/name; default: a list of services")
    .allowUnknownOption()
    .action((time: string, flags: AskFlags) => guarded(() => at(time, flags)));
  add("diff", true)
    .summary("what changed from one time to another")
    .description("Shows how services differ between two times, and the changes that led there.")
    .argument("<from>", MOMENT_FORMS)
    .argument("<to>")
    .option("--node <id>", "compare what this node believed; default: what was known")
    .option("--service <name>", "namespace/name; default: all that differ")
    .allowUnknownOption()
    .action((from: string, to: string, flags: AskFlags) => guarded(() => diff(from, to, flags)));
  add("log", true)
    .summary("changes, one after the other")
    .description("Lists changes of services and TrafficPolicies with their causes.")
    .option("--since <time>", MOMENT_FORMS, "-1h")
    .option("--until <time>", "the same", "now")
    .option("--service <name>", "only those of this service")
    .option(
      "--policy <namespace/name>",
      "only those of this TrafficPolicy; their records are what isobar rollback --to takes",
    )
    .option(
      "--object <kind/namespace/name>",
      "the same of a grpcroute, or of a service's or namespace's annotations isobar.dev/…",
    )
    .action((flags: LogFlags) => guarded(() => log(flags)));
  add("verify")
    .summary("whether files were changed")
    .description(
      "Follows the chain of hashes through all files. Exits with 1 when a line was changed, taken out, added or moved.",
    )
    .option(
      "--head <hash>",
      "a published head that must be in the files, or its beginning; may be repeated",
      collect,
      [],
    )
    .action((flags: Flags & { readonly head: readonly string[] }) => guarded(() => verify(flags)));
  add("head")
    .summary("the newest record and its hash")
    .description("Prints the number and the hash of the newest record.")
    .action((flags: Flags) => guarded(() => head(flags)));
}

async function at(time: string, flags: AskFlags): Promise<void> {
  const { dir, node, service } = flags;
  const atMs = momentOf(time, "TIME");
  if (isOfCluster(flags)) {
    const words = [iso(atMs), ...given({ "--node": node, "--service": service })];
    const view = await inPods(flags, (pods) => pods.at(words, node));
    return print(flags, view, () => auditText(view));
  }
  const view = await askReplicas(await openAll(dir), { atMs, service, node });
  print(flags, view, () => auditText(view));
}

async function diff(from: string, to: string, flags: AskFlags): Promise<void> {
  const { dir, node, service } = flags;
  const [fromMs, toMs] = [momentOf(from, "FROM"), momentOf(to, "TO")];
  if (fromMs > toMs) throw new ExitError(ExitCode.usage, `FROM: found ${from}, wanted a time before ${to}`);
  if (isOfCluster(flags)) {
    const words = [iso(fromMs), iso(toMs), ...given({ "--node": node, "--service": service })];
    const found = await inPods(flags, (pods) => pods.diff(words, iso(toMs), node));
    return print(flags, found, () => differenceText(found));
  }
  const reader = await readerOf(await openAll(dir), { atMs: toMs, node });
  const difference = await diffAudit(reader, { fromMs, toMs, node, service });
  print(flags, difference, () => differenceText(difference));
}

async function log(flags: LogFlags): Promise<void> {
  const { dir, service, output } = flags;
  const policy = flags.object === undefined ? flags.policy : recordedName(flags.object);
  // Whoever asks for one thing mostly wants its whole history.
  const isWhole = flags.since === "-1h" && (policy !== undefined || service !== undefined);
  const sinceMs = isWhole ? 0 : momentOf(flags.since, "--since");
  const untilMs = momentOf(flags.until, "--until");
  const show = (change: Change): boolean =>
    process.stdout.write(output === "json" ? `${JSON.stringify(change)}\n` : changeText(change));
  if (isOfCluster(flags)) {
    const { object } = flags;
    // A history that is whole begins with the files, which have no such time in a Pod's language.
    const words = given({
      ...(isWhole ? {} : { "--since": iso(sinceMs) }),
      "--until": iso(untilMs),
      "--service": service,
      "--policy": object === undefined ? flags.policy : undefined,
      "--object": object,
    });
    for (const change of await inPods(flags, (pods) => pods.log(words))) show(change);
    return;
  }
  const readers = await openAll(dir);
  for await (const change of listReplicasChanges(readers, { sinceMs, untilMs, service, policy }))
    show(change);
}

async function verify(flags: Flags & { readonly head: readonly string[] }): Promise<void> {
  for (const hash of flags.head) {
    if (!/^[0-9a-fA-F]{8,64}$/.test(hash))
      throw new ExitError(ExitCode.usage, `--head: found "${hash}", wanted 8 to 64 hexadecimal digits`);
  }
  const isSingle = flags.dir.length === 1;
  if (!isSingle && flags.head.length > 0)
    throw new ExitError(
      ExitCode.usage,
      `--head: found it with ${flags.dir.length} folders, wanted one: a head is of one replica's files`,
    );
  for (const dir of flags.dir) {
    const verdict = await verifyAudit(dir, flags.head);
    if (verdict.records === 0) throw new AuditError(`${dir} has no audit`);
    print(flags, isSingle ? verdict : { dir, ...verdict }, () =>
      isSingle ? verdictText(verdict) : `${dir}: ${verdictText(verdict)}`,
    );
    if (verdict.findings.some(({ severity }) => severity === "broken") || verdict.furtherFindings > 0)
      process.exitCode = ExitCode.unexpected;
  }
}

async function head(flags: Flags): Promise<void> {
  const isSingle = flags.dir.length === 1;
  for (const dir of flags.dir) {
    const { n, hash } = await findTail(dir);
    if (n === 0) throw new AuditError(`${dir} has no audit`);
    const of = isSingle ? "" : `${dir}: `;
    print(
      flags,
      { ...(isSingle ? {} : { dir }), record: n, hash },
      () => `${of}record ${n} has the hash ${hash}\n`,
    );
  }
}

/** @throws ExitError for what is no object whose versions are recorded. */
function recordedName(object: string): string {
  const slash = object.indexOf("/");
  const kind = rollbackKind(object.slice(0, Math.max(slash, 0)));
  const name = object.slice(slash + 1);
  if (kind === undefined || !isObjectName(kind, name))
    throw new ExitError(
      ExitCode.usage,
      `--object: found "${object}", wanted kind/namespace/name, kind being ${ROLLBACK_KINDS}`,
    );
  return writtenName(kind.kind, name);
}

/** Files that are named are read here, whatever else is said. */
function isOfCluster({ kubeconfig, context, dir }: Flags): boolean {
  const isAsked = kubeconfig !== undefined || context !== undefined;
  const { ISOBAR_AUDIT_DIR = FOLDER } = process.env;
  if (isAsked && dir.join() !== ISOBAR_AUDIT_DIR)
    throw new ExitError(
      ExitCode.usage,
      "--dir: found it with --kubeconfig or --context, wanted either: Pods read the folder that their control plane writes",
    );
  return isAsked;
}

/** What replicas could not answer is told, and does not hinder. */
async function inPods<T>(flags: Flags, ask: (pods: PodAudits) => Promise<T>): Promise<T> {
  const { PodAudits } = await import("./pod-audits.ts");
  const pods = await PodAudits.open({ ...flags, admin: [] });
  try {
    const answer = await ask(pods);
    for (const note of pods.notes) console.error(`note: ${note}`);
    return answer;
  } finally {
    await pods.close();
  }
}

function given(options: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function openAll(folders: readonly string[]): Promise<AuditReader[]> {
  return Promise.all(folders.map((each) => AuditReader.open(each)));
}

function print(flags: Flags, value: unknown, text: () => string): void {
  process.stdout.write(flags.output === "json" ? `${JSON.stringify(value, null, 2)}\n` : text());
}

/** @throws ExitError for what is no time. @param name of the argument. */
function momentOf(text: string, name: string): number {
  const ms = parseMoment(text, Date.now());
  if (ms === undefined)
    throw new ExitError(ExitCode.usage, `${name}: found "${text}", wanted ${MOMENT_FORMS}`);
  return ms;
}

function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

/** Says what the audit cannot say without a stack. A reader such as `head` that leaves early is no fault. */
async function guarded(action: () => Promise<void>): Promise<void> {
  process.stdout.on("error", () => process.exit(ExitCode.ok));
  try {
    await action();
  } catch (error) {
    if (error instanceof AuditError) throw new ExitError(ExitCode.usage, error.message, { cause: error });
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR")
      throw new ExitError(ExitCode.usage, `--dir: ${(error as Error).message}`, { cause: error });
    throw error;
  }
}
