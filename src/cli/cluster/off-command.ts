import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { ExitCode } from "../../daemon/exit-code.ts";
import { addClusterOptions } from "./cluster-options.ts";
import type { OffFlags } from "./switch-off.ts";

const EXAMPLES = `
Examples:
  isobar off -n shop           no call of this namespace's Pods goes through a proxy
  isobar off --node n7         none of this node's
  isobar off                   none of the cluster's: proxies and capture leave every node

The same without this command and without Isobar's control plane, and the way back:
  kubectl annotate namespace shop isobar.dev/mode=off --overwrite              (this one takes the control plane)
  kubectl label node n7 isobar.dev/off=true                                    kubectl label node n7 isobar.dev/off-
  kubectl -n isobar-system patch daemonset isobar -p '{"spec":{"template":{"spec":{"nodeSelector":{"isobar.dev/off":"true"}}}}}'
  kubectl -n isobar-system patch daemonset isobar -p '{"spec":{"template":{"spec":{"nodeSelector":{"isobar.dev/off":null}}}}}'

New connections take kube-proxy's path at once; open ones are asked to go by GOAWAY, so that no call fails. Clients that dial the proxy
themselves (modes address and proxy-env) have no other path: where there are any, it takes --force.
Rights: patch namespaces (and Pods that say their mode themselves), nodes or daemonsets; that it has happened is asked as by isobar status.
Ends with 0 when every node has confirmed it, with 1 when one has not in time.`;

/** Adds `isobar off`: everything on kube-proxy's path. */
export function addOffCommand(program: Command): void {
  addClusterOptions(
    program
      .command("off")
      .summary("take a namespace, a node or everything off Isobar, back to kube-proxy")
      .description(
        "Takes calls off the proxies, and waits until the nodes have done it. With --admin these are asked whether it has happened.",
      )
      .option("-n, --namespace <name>", "only calls of this namespace's Pods")
      .option("--node <name>", "only this node")
      .option("--force", "also where clients dial the proxy and will fail")
      .option("--wait <seconds>", "how long to wait for the nodes; 0: not at all", seconds, 30),
  )
    .addHelpText("after", EXAMPLES)
    .action(off);
}

async function off(flags: OffFlags): Promise<void> {
  const { switchOff } = await import("./switch-off.ts");
  const outcome = await switchOff(flags, (line) => {
    if (flags.output === "table") process.stdout.write(`${line}\n`);
  });
  if (flags.output === "json") process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  if (outcome.waitingFor.length > 0) process.exitCode = ExitCode.unexpected;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 600))
    throw new InvalidArgumentError(`Found "${text}", wanted seconds from 0 to 600.`);
  return value;
}
