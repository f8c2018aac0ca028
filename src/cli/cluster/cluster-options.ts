import type { Command } from "commander";
import { Option } from "commander";

/** What all commands that look at a cluster can be told. */
export interface ClusterFlags {
  /** Admin servers that are asked directly, instead of a cluster's. */
  readonly admin: readonly string[];
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly systemNamespace: string;
  readonly output: "table" | "json";
}

/** Adds the options of {@link ClusterFlags}. */
export function addClusterOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--admin <address>",
        "ask this admin server (ip:port or unix:/path) and no cluster; may be repeated",
      )
        .argParser((address: string, former: readonly string[]) => [...former, address])
        .default([], "none"),
    )
    .option("--kubeconfig <file>", "how to reach Kubernetes; default: as kubectl does")
    .option("--context <name>", "context of the kubeconfig; default: its current one")
    .option("--system-namespace <name>", "where Isobar is installed", "isobar-system")
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["table", "json"]).default("table"),
    );
}

/** Ends the help of such commands. */
export const CLUSTER_HELP = `
Within a container of Isobar (ISOBAR_ADMIN_ADDRESS is set) its own admin server is asked. Elsewhere Pods are found and asked as by
kubectl exec, with the rights of the kubeconfig: get and list pods, create pods/exec in --system-namespace. Without these what the API
server itself says is shown, and what is missing is named.`;
