import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { explainTable, pickLine } from "../../admin/explain-table.ts";
import type { ExplainView } from "../../admin/explain-view.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { adminClient, usualAdminAddress } from "../cluster/admin-source.ts";
import type { ClusterFlags } from "../cluster/cluster-options.ts";
import { addClusterOptions, CLUSTER_HELP } from "../cluster/cluster-options.ts";
import type { AdminClient } from "./admin-client.ts";
import { replayFile, replayText } from "./replay-file.ts";

interface ExplainFlags extends ClusterFlags {
  readonly namespace?: string;
  readonly node?: string;
  readonly last: number;
  readonly watch?: boolean;
  readonly replay?: string;
}

const WATCH_INTERVAL_MS = 1_000;
/** Picks asked for at each look; of more in that time the newest are shown. */
const WATCH_PICKS = 1_000;

const EXAMPLES = `
Examples:
  isobar explain                                   clusters, and how many picks of each are recorded
  isobar explain greeter:50051                     its tiers, its endpoints and why some are left out, its last picks
  isobar explain greeter:50051 --watch             recorded picks as they come, a line each; Ctrl-C ends it
  isobar explain -n shop --last                    the last picks of a namespace on all nodes of a cluster
  isobar explain -n shop greeter --node n7         why that node sends requests for it where it does
  curl -so picks.bin localhost:15000/explain.bin
  isobar explain --replay picks.bin                makes the picks again: each must choose the same endpoint

Picks are recorded when the configuration has explain.sample above 0. What the columns mean: docs/explain.md.

With -n, --node, --kubeconfig or --context all proxies of a cluster are asked; without them the one at --admin, by default the one of this
machine. --watch asks only the latter: to watch another node, run it in that proxy's container.${CLUSTER_HELP}`;

/** Adds `isobar explain`: why a running proxy sends requests where it sends them. */
export function addExplainCommand(program: Command): void {
  addClusterOptions(
    program
      .command("explain")
      .summary("show why a running proxy sends requests where it does")
      .description(
        "Asks the admin server of a running proxy, or of all proxies of a cluster, which endpoints of a service are candidates, which are left out " +
          "and why, and what the recorded picks drew, read and chose.",
      )
      .argument(
        "[service]",
        "name of a cluster; of a Kubernetes cluster also service, or namespace/service; without it, all are listed",
      )
      .option("-n, --namespace <name>", "only services of this namespace, on all nodes")
      .option("--node <name>", "only what the proxy of this node says")
      .addOption(
        new Option("--last [number]", "recorded picks to show")
          .argParser(wholeNumber)
          .preset("10")
          .default(10),
      )
      .option("--watch", "show recorded picks as they come; asks one proxy, that at --admin")
      .option("--replay <file>", "make the picks of a file from GET /explain.bin again"),
  )
    .addHelpText("after", EXAMPLES)
    .action(explain);
}

async function explain(service: string | undefined, flags: ExplainFlags): Promise<void> {
  const { stdout } = process;
  // A reader such as `head` that leaves early is no reason for a stack trace.
  stdout.on("error", () => process.exit(ExitCode.ok));
  if (flags.replay !== undefined) return replay(flags.replay, flags);
  const { kubeconfig, context, namespace, node, admin } = flags;
  const isOfCluster = [kubeconfig, context, namespace, node].some((flag) => flag !== undefined);
  if (isOfCluster || admin.length > 1) {
    if (flags.watch)
      throw new ExitError(ExitCode.usage, "--watch: found it for several proxies, wanted the --admin of one");
    const { explainCluster } = await import("./explain-cluster.ts");
    return explainCluster(service ?? "", flags);
  }
  const client = adminClient(admin[0] ?? usualAdminAddress());
  if (flags.watch) return watch(client, service ?? "", flags);
  const view = await ask(client, service ?? "", flags.last);
  stdout.write(flags.output === "json" ? `${JSON.stringify(view, null, 2)}\n` : explainTable(view));
}

async function ask(client: AdminClient, cluster: string, last: number): Promise<ExplainView> {
  const query = new URLSearchParams({ cluster, last: `${last}`, format: "json" });
  return JSON.parse((await client.get(`/explain?${query}`)).toString("utf8")) as ExplainView;
}

/** Ends with Ctrl-C, or when the proxy is gone. */
async function watch(client: AdminClient, cluster: string, { output }: ExplainFlags): Promise<void> {
  process.once("SIGINT", () => process.exit(ExitCode.ok));
  const newest = new Map<number, number>();
  for (let look = 0; ; look++) {
    const { picks, sample } = await ask(client, cluster, WATCH_PICKS);
    if (look === 0 && sample === 0)
      console.error("no picks are recorded: explain.sample is 0 in the configuration");
    // A worker that was replaced counts from 1 again.
    for (const [worker, number] of newest)
      if (!picks.some((pick) => pick.worker === worker && pick.number >= number)) newest.set(worker, 0);
    for (const pick of picks.toReversed()) {
      if (pick.number <= (newest.get(pick.worker) ?? 0)) continue;
      newest.set(pick.worker, pick.number);
      // What was there before is not news.
      if (look > 0) process.stdout.write(`${output === "json" ? JSON.stringify(pick) : pickLine(pick)}\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, WATCH_INTERVAL_MS));
  }
}

async function replay(file: string, { output }: ExplainFlags): Promise<void> {
  const outcome = await replayFile(file);
  process.stdout.write(
    output === "json" ? `${JSON.stringify(outcome, null, 2)}\n` : replayText(file, outcome),
  );
  if (outcome.different > 0) process.exitCode = ExitCode.fault;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,4}$/.test(text)) {
    throw new InvalidArgumentError(`Found "${text}", wanted a whole number from 0 to 9999.`);
  }
  return Number(text);
}
