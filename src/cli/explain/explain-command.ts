import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { explainTable, pickLine } from "../../admin/explain-table.ts";
import type { ExplainView } from "../../admin/explain-view.ts";
import { parseSocketAddress } from "../../config/socket-address.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { usualAdminAddress } from "../cluster/admin-source.ts";
import { AdminClient } from "./admin-client.ts";
import { replayFile, replayText } from "./replay-file.ts";

interface ExplainFlags {
  readonly admin: string;
  readonly last: number;
  readonly watch?: boolean;
  readonly replay?: string;
  readonly output: "table" | "json";
}

const WATCH_INTERVAL_MS = 1_000;
/** Picks asked for at each look; of more in that time the newest are shown. */
const WATCH_PICKS = 1_000;

const EXAMPLES = `
Examples:
  isobar explain                                   clusters, and how many picks of each are recorded
  isobar explain greeter:50051                     its tiers, its endpoints and why some are left out, its last picks
  isobar explain greeter:50051 --watch             recorded picks as they come, a line each; Ctrl-C ends it
  curl -so picks.bin localhost:15000/explain.bin
  isobar explain --replay picks.bin                makes the picks again: each must choose the same endpoint

Picks are recorded when the configuration has explain.sample above 0. What the columns mean: docs/explain.md.`;

/** Adds `isobar explain`: why a running proxy sends requests where it sends them. */
export function addExplainCommand(program: Command): void {
  program
    .command("explain")
    .summary("show why a running proxy sends requests where it does")
    .description(
      "Asks the admin server of a running proxy which endpoints of a cluster are candidates, which are left out and why, " +
        "and what the recorded picks drew, read and chose.",
    )
    .argument("[cluster]", "name of a cluster; without it, all are listed")
    .option(
      "--admin <address>",
      "the proxy's admin.address: ip:port or unix:/path; also ISOBAR_ADMIN_ADDRESS",
      usualAdminAddress(),
    )
    .option("--last <number>", "recorded picks to show", wholeNumber, 10)
    .option("--watch", "show recorded picks as they come")
    .option("--replay <file>", "make the picks of a file from GET /explain.bin again")
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["table", "json"]).default("table"),
    )
    .addHelpText("after", EXAMPLES)
    .action(explain);
}

async function explain(cluster: string | undefined, flags: ExplainFlags): Promise<void> {
  const { stdout } = process;
  // A reader such as `head` that leaves early is no reason for a stack trace.
  stdout.on("error", () => process.exit(ExitCode.ok));
  if (flags.replay !== undefined) return replay(flags.replay, flags);
  const address = parseSocketAddress(flags.admin);
  if (address === undefined) {
    throw new ExitError(
      ExitCode.usage,
      `--admin: found "${flags.admin}", wanted an address "ip:port", "[ipv6]:port" or "unix:/path"`,
    );
  }
  const client = new AdminClient(address, flags.admin);
  if (flags.watch) return watch(client, cluster ?? "", flags);
  const view = await ask(client, cluster ?? "", flags.last);
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
