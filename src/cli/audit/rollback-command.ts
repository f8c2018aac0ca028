import type { Command } from "commander";
import { Option } from "commander";
import { AuditError, AuditReader } from "../../audit/audit-reader.ts";
import type { PolicyVersion } from "../../audit/audit-replay.ts";
import { findPolicy } from "../../audit/find-policy.ts";
import { writtenName } from "../../audit/written-name.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { diffLines } from "./change-text.ts";
import { MOMENT_FORMS, parseMoment } from "./parse-moment.ts";
import type { RolledBack } from "./roll-back-object.ts";
import { isObjectName, ROLLBACK_KINDS, rollbackKind } from "./rollback-kind.ts";

interface RollbackFlags {
  readonly to: string;
  readonly dir: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly dryRun?: boolean;
  readonly output: "table" | "json";
}

const EXAMPLES = `
Examples:
  isobar audit log --policy shop/echo                            its versions, with who wrote them
  isobar rollback trafficpolicy shop/echo --to 1234 --dry-run    what would change
  isobar rollback trafficpolicy shop/echo --to 12:03:01          as it was at that time
  isobar rollback grpcroute shop/canary --to 1240                a route's parents and rules
  isobar rollback service shop/echo --to 1244                    a Service's annotations isobar.dev/…

What it said is taken from the audit (--dir) and written with the rights of the kubeconfig; who must not write such objects
cannot roll them back. Where somebody writes at the same time, nothing is overwritten. More: docs/audit.md.`;

/** Adds `isobar rollback`: what is written about services as it was. */
export function addRollbackCommand(program: Command): void {
  const { ISOBAR_AUDIT_DIR = "/var/lib/isobar/audit" } = process.env;
  program
    .command("rollback")
    .summary("make a TrafficPolicy, a GRPCRoute or annotations what they were")
    .description(
      "Writes a TrafficPolicy, a GRPCRoute or annotations of a Service or Namespace as they were, by the audit of the control plane.",
    )
    .argument("<kind>", ROLLBACK_KINDS)
    .argument("<namespace/name>", "of a Namespace its name")
    .requiredOption("--to <version>", `the number of its record, or a time: ${MOMENT_FORMS}`)
    .option("--dir <folder>", "the control plane's --audit-dir; also ISOBAR_AUDIT_DIR", ISOBAR_AUDIT_DIR)
    .option(
      "--kubeconfig <file>",
      "how to reach Kubernetes; default: as kubectl does, or as the Pod's ServiceAccount",
    )
    .option("--context <name>", "context of the kubeconfig; default: its current one")
    .option("--dry-run", "show what would change; the API server checks it, and keeps nothing")
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["table", "json"]).default("table"),
    )
    .addHelpText("after", EXAMPLES)
    .action(rollback);
}

async function rollback(noun: string, object: string, flags: RollbackFlags): Promise<void> {
  const kind = rollbackKind(noun);
  if (kind === undefined)
    throw new ExitError(ExitCode.usage, `KIND: found "${noun}", wanted ${ROLLBACK_KINDS}`);
  if (!isObjectName(kind, object))
    throw new ExitError(
      ExitCode.usage,
      `found "${object}", wanted the ${kind.kind === "TrafficPolicy" ? "policy" : kind.noun} as ${kind.kind === "Namespace" ? "its name" : "namespace/name"}`,
    );
  const version = await wantedVersion(writtenName(kind.kind, object), flags);
  const { spec } = version.record;
  if (spec === null) {
    throw new ExitError(
      ExitCode.usage,
      `${kind.kind} ${object} had been deleted by then; to delete it: kubectl delete ${kind.noun} ${kind.kind === "Namespace" ? object : `-n ${object.replace("/", " ")}`}`,
    );
  }
  const { rollBackObject } = await import("./roll-back-object.ts");
  const outcome = await rollBackObject({
    kind,
    object,
    part: spec,
    kubeConfig: { file: flags.kubeconfig, context: flags.context },
    isDryRun: flags.dryRun === true,
  });
  const { n, atMs } = version;
  const of = { record: n, since: new Date(atMs).toISOString() };
  // Policies were the first that could be rolled back: programs know them by this name.
  const named = kind.kind === "TrafficPolicy" ? { policy: object } : { kind: kind.kind, object };
  process.stdout.write(
    flags.output === "json"
      ? `${JSON.stringify({ ...named, ...of, ...outcome }, null, 2)}\n`
      : text(`${kind.noun} ${object}`, of, outcome),
  );
}

async function wantedVersion(policy: string, { to, dir }: RollbackFlags): Promise<PolicyVersion> {
  const atMs = /^\d+$/.test(to) ? undefined : parseMoment(to, Date.now());
  if (atMs === undefined && !/^\d+$/.test(to))
    throw new ExitError(
      ExitCode.usage,
      `--to: found "${to}", wanted the number of a record or a time: ${MOMENT_FORMS}`,
    );
  try {
    const reader = await AuditReader.open(dir);
    return await findPolicy(reader, policy, atMs === undefined ? { record: Number(to) } : { atMs });
  } catch (error) {
    if (error instanceof AuditError) throw new ExitError(ExitCode.usage, error.message, { cause: error });
    throw error;
  }
}

function text(
  name: string,
  of: { readonly record: number; readonly since: string },
  outcome: RolledBack,
): string {
  const { isDryRun, diff, isNew, resourceVersion } = outcome;
  const lines = diff === undefined ? [] : diffLines(diff).map((line) => `  ${line}\n`);
  const version = `record ${of.record} of ${of.since}`;
  if (diff === undefined && !isNew) return `${name} is as it was in ${version} already\n`;
  const done = isNew ? "made again" : "rolled back";
  const said = isDryRun
    ? `${name} would be ${done} to ${version}:`
    : `${name} ${done} to ${version}, resourceVersion ${resourceVersion}:`;
  return `${said}\n${lines.join("")}`;
}
