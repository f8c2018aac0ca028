import type { Command } from "commander";
import { Option } from "commander";
import { ExitCode } from "../../daemon/exit-code.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import { addClusterOptions, CLUSTER_HELP } from "./cluster-options.ts";
import type { Finding } from "./finding.ts";
import { bySeverity, findingsText } from "./finding.ts";

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

Ends with 0, also when there are warnings; with 1 when something is bad.
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
  const findings = await look(flags);
  process.stdout.write(
    flags.output === "json"
      ? `${JSON.stringify({ findings: bySeverity(findings) }, null, 2)}\n`
      : findingsText(findings),
  );
  if (findings.some(({ level }) => level === "bad")) process.exitCode = ExitCode.unexpected;
}

async function look(flags: DoctorFlags): Promise<readonly Finding[]> {
  const { namespace = "", preflight, local } = flags;
  if (preflight && local) {
    const { localFindings } = await import("./local-preflight.ts");
    return localFindings();
  }
  if (preflight) {
    const { clusterPreflight } = await import("./cluster-preflight.ts");
    return clusterPreflight(flags, namespace);
  }
  const { readWhole } = await import("./status-command.ts");
  const { doctorFindings } = await import("./doctor-findings.ts");
  const view = await readWhole(flags, namespace);
  const notes = view.notes.map(
    (note): Finding => ({ level: "warning", check: "rights", where: [], found: note, toDo: "" }),
  );
  return [...doctorFindings(view), ...notes];
}
