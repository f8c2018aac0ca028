import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { addClusterOptions, CLUSTER_HELP } from "./cluster-options.ts";
import type { TopFlags } from "./run-top.ts";

const EXAMPLES = `
Examples:
  isobar top                     the busiest services, over all nodes; q or Ctrl-C ends it
  isobar top -n shop --once      one table, for a script or a ticket
  isobar top --by namespace      channels and requests of each namespace
${CLUSTER_HELP}

RPS requests that ended, a second. MAX/MEAN requests of the busiest endpoint relative to the mean of all: 1 is even. P50 and P99 from the first
octet of the request to the last of the response. ERRORS ended UNKNOWN, INTERNAL, UNAVAILABLE or DATA_LOSS. CROSS-ZONE share of the octets.
PAST connections of captured Pods that go past the proxy, by the service they go to. Written to a file or pipe it prints table after table.

By namespace: PODS whose calls come to the proxy, CHANNELS their open HTTP/2 connections, where they are captured, RPS FROM their requests,
WAITED seconds in each second that calls stood in line for an endpoint with room, all together. Of the namespace's Services: RPS TO,
UPSTREAM the proxies' connections to endpoints, WHOLE connections passed on as they are, PAST as above. Callers that are not known are
"unknown". On a terminal the keys n and s change between the two tables. -o json has both.`;

/** Adds `isobar top`: services live. */
export function addTopCommand(program: Command): void {
  addClusterOptions(
    program
      .command("top")
      .summary("show services live: rate, skew, latency, errors, zones")
      .description("Shows what services do, over all proxies, again and again. Changes nothing.")
      .option("-n, --namespace <name>", "only services of this namespace")
      .addOption(
        new Option("--by <rows>", "a row for each of these")
          .choices(["service", "namespace"])
          .default("service"),
      )
      .option("--once", "one table over --every seconds")
      .option("--every <seconds>", "between two tables", seconds, 2),
  )
    .addHelpText("after", EXAMPLES)
    .action(top);
}

async function top(flags: TopFlags): Promise<void> {
  const { runTop } = await import("./run-top.ts");
  await runTop(flags);
  // Connections whose far end does not say goodbye must not keep us.
  process.stdout.write("", () => process.exit());
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.5 && value <= 3_600))
    throw new InvalidArgumentError(`Found "${text}", wanted seconds from 0.5 to 3600.`);
  return value;
}
