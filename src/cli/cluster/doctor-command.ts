import type { Command } from "commander";
import { Option } from "commander";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import { addClusterOptions, CLUSTER_HELP } from "./cluster-options.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Finding } from "./finding.ts";
import { bySeverity, findingsText } from "./finding.ts";
import { bad } from "./make-finding.ts";

interface DoctorFlags extends ClusterFlags {
  readonly namespace?: string;
  readonly preflight?: true;
  readonly local?: true;
}

const EXAMPLES = `
Examples:
  isobar doctor                          what is wrong, and what to do
  isobar doctor --preflight              before installing: which modes will work on which nodes
  isobar doctor --preflight -n shop      and whether this namespace's Pods stand in the way
  isobar doctor --preflight --local      on a node, or in the container capture: its kernel and nftables, tried without changing anything

Ends with 0, also when there are warnings; with 1 when something is bad; with 69 when nobody answers: no proxy, no control plane, no API
server. Without a control plane that answers it looks at the rest, and says what it could not look at.
${CLUSTER_HELP}`;

/** Adds `isobar doctor`: findings with what to do. */
export function addDoctorCommand(program: Command): void {
  addClusterOptions(
    program
      .command("doctor")
      .summary("say what is wrong and what to do; --preflight: before installing")
      .description("Looks for what is wrong, or will be, and says what to do about it. Changes nothing.")
      .option("-n, --namespace <name>", "look into this namespace's Services and Pods; default: all Services")
      .option("--preflight", "look at a cluster before Isobar is installed in it")
      .addOption(
        new Option("--local", "with --preflight: look at this machine, and ask no API server").implies({
          preflight: true,
        }),
      ),
  )
    .addHelpText("after", EXAMPLES)
    .action(doctor);
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const { findings, answered } = await look(flags);
  process.stdout.write(
    flags.output === "json"
      ? `${JSON.stringify({ findings: bySeverity(findings) }, null, 2)}\n`
      : findingsText(findings),
  );
  if (!answered) process.exitCode = ExitCode.unavailable;
  else if (findings.some(({ level }) => level === "bad")) process.exitCode = ExitCode.unexpected;
}

/** What was found, and whether anybody was there to look at. */
interface Looked {
  readonly findings: readonly Finding[];
  readonly answered: boolean;
}

async function look(flags: DoctorFlags): Promise<Looked> {
  const { namespace = "", preflight, local } = flags;
  if (preflight && local) {
    const { localFindings } = await import("./local-preflight.ts");
    return { findings: await localFindings(), answered: true };
  }
  if (preflight) {
    const { clusterPreflight } = await import("./cluster-preflight.ts");
    return { findings: await clusterPreflight(flags, namespace), answered: true };
  }
  const { readWhole } = await import("./status-command.ts");
  const { doctorFindings } = await import("./doctor-findings.ts");
  const { isAnswered, lookedAt } = await import("./looked-at.ts");
  let view: ClusterView;
  try {
    view = await readWhole(flags, namespace);
  } catch (error) {
    if (!(error instanceof ExitError) || error.exitCode !== ExitCode.unavailable) throw error;
    return { findings: [silentServer(error.message)], answered: false };
  }
  const notes = view.notes.map(
    (note): Finding => ({ level: "warning", check: "rights", where: [], found: note, toDo: "" }),
  );
  const findings = [...doctorFindings(view), ...lookedAt(view), ...notes];
  return { findings, answered: isAnswered(view) };
}

/** Without it nobody knows which Pods there are. */
function silentServer(problem: string): Finding {
  return bad(
    "API server",
    [],
    `${problem}; nothing was looked at: neither nodes nor control plane can be found without it`,
    "each proxy can be asked where it runs: isobar doctor in its container, or --admin ADDRESS; calls go on meanwhile",
  );
}
