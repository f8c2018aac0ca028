import type { Command } from "commander";
import { ProgressLine } from "../simulate/progress-line.ts";
import { ClusterAccess } from "./cluster-access.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import { addClusterOptions, CLUSTER_HELP } from "./cluster-options.ts";
import type { ClusterView } from "./cluster-view.ts";
import { readCluster } from "./cluster-view.ts";
import { statusText } from "./status-text.ts";

interface StatusFlags extends ClusterFlags {
  readonly namespace?: string;
}

const EXAMPLES = `
Examples:
  isobar status                     control plane, nodes, and which namespaces come through the proxy
  isobar status -n shop -o json     one namespace, for programs
  isobar status --admin 127.0.0.1:15000
${CLUSTER_HELP}

FAILS says what becomes of a namespace's calls while the proxy of their node does not work: "open" they go to the Service as without
Isobar, "closed" they fail. PODS counts those whose calls come to the proxy, of all.`;

/** Adds `isobar status`: who runs, what is captured, and how it fails. */
export function addStatusCommand(program: Command): void {
  addClusterOptions(
    program
      .command("status")
      .summary("show nodes, versions, what is captured, and how it fails")
      .description("Asks all proxies and replicas of the control plane what they do. Changes nothing.")
      .option("-n, --namespace <name>", "only this namespace"),
  )
    .addHelpText("after", EXAMPLES)
    .action(status);
}

async function status(flags: StatusFlags): Promise<void> {
  const { namespace = "" } = flags;
  const view = await readWhole(flags, namespace);
  process.stdout.write(
    flags.output === "json" ? `${JSON.stringify(view, null, 2)}\n` : statusText(view, namespace),
  );
}

/** Asks everybody, and shows on a terminal how far that is. */
export async function readWhole(flags: ClusterFlags, namespace: string): Promise<ClusterView> {
  const access = ClusterAccess.open(flags);
  const progress = new ProgressLine(process.stderr);
  let isBegun = false;
  try {
    return await readCluster(access, namespace, (total) => {
      if (!isBegun) progress.begin(total, "answers");
      isBegun = true;
      progress.step();
    });
  } finally {
    progress.clear();
    await access.close();
  }
}
