import type { Command } from "commander";
import { Option } from "commander";
import { AuditError, AuditReader } from "../../audit/audit-reader.ts";
import type { PolicyVersion } from "../../audit/audit-replay.ts";
import { findPolicy } from "../../audit/find-policy.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { diffLines } from "./change-text.ts";
import { MOMENT_FORMS, parseMoment } from "./parse-moment.ts";
import type { RolledBack } from "./roll-back-policy.ts";

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

The spec is taken from the audit (--dir) and written with the rights of the kubeconfig; who must not write TrafficPolicies
cannot roll them back. Where somebody writes at the same time, nothing is overwritten. More: docs/audit.md.`;

/** Adds `isobar rollback`: a TrafficPolicy as it was. */
export function addRollbackCommand(program: Command): void {
  const { ISOBAR_AUDIT_DIR = "/var/lib/isobar/audit" } = process.env;
  program
    .command("rollback")
    .summary("make a TrafficPolicy what it was")
    .description("Writes a TrafficPolicy as it was, by the audit of the control plane.")
    .argument("<kind>", "trafficpolicy")
    .argument("<namespace/name>")
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

async function rollback(kind: string, policy: string, flags: RollbackFlags): Promise<void> {
  if (!/^(trafficpolic(y|ies)(\.isobar\.dev)?|tp)$/i.test(kind))
    throw new ExitError(ExitCode.usage, `KIND: found "${kind}", wanted trafficpolicy`);
  if (!/^[^/]+\/[^/]+$/.test(policy))
    throw new ExitError(ExitCode.usage, `found "${policy}", wanted the policy as namespace/name`);
  const version = await wantedVersion(policy, flags);
  const { spec } = version.record;
  if (spec === null) {
    throw new ExitError(
      ExitCode.usage,
      `TrafficPolicy ${policy} had been deleted by then; to delete it: kubectl delete trafficpolicy -n ${policy.replace("/", " ")}`,
    );
  }
  const { rollBackPolicy } = await import("./roll-back-policy.ts");
  const outcome = await rollBackPolicy({
    policy,
    spec,
    kubeConfig: { file: flags.kubeconfig, context: flags.context },
    isDryRun: flags.dryRun === true,
  });
  const { n, atMs } = version;
  const of = { record: n, since: new Date(atMs).toISOString() };
  process.stdout.write(
    flags.output === "json"
      ? `${JSON.stringify({ policy, ...of, ...outcome }, null, 2)}\n`
      : text(policy, of, outcome),
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
  policy: string,
  of: { readonly record: number; readonly since: string },
  outcome: RolledBack,
): string {
  const { isDryRun, diff, isNew, resourceVersion } = outcome;
  const lines = diff === undefined ? [] : diffLines(diff).map((line) => `  ${line}\n`);
  const name = `trafficpolicy ${policy}`;
  const version = `record ${of.record} of ${of.since}`;
  if (diff === undefined && !isNew) return `${name} is as it was in ${version} already\n`;
  const done = isNew ? "made again" : "rolled back";
  const said = isDryRun
    ? `${name} would be ${done} to ${version}:`
    : `${name} ${done} to ${version}, resourceVersion ${resourceVersion}:`;
  return `${said}\n${lines.join("")}`;
}
