import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { SocketAddress } from "../config/socket-address.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { LOG_LEVELS } from "../telemetry/log.ts";

interface Flags {
  readonly static?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly clusterDomain: string;
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly admin: SocketAddress;
  readonly metrics?: SocketAddress;
  readonly insecure?: boolean;
  readonly logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
  isobar control-plane --insecure                           serve the Services of the cluster that kubectl talks to
  isobar control-plane --static services.yaml --insecure    serve the clusters and routes of a file
  curl localhost:18001/xds/status                           who has which version, and who refused what

Clients: isobar proxy (controlPlane), Envoy, and gRPC with xds:/// targets. More: docs/control-plane.md.`;

/** Adds `isobar control-plane`: services for proxies, Envoys and gRPC clients over xDS. */
export function addControlPlaneCommand(program: Command): void {
  program
    .command("control-plane")
    .summary("serve services to proxies and gRPC clients over xDS")
    .description(
      "Serves services and their endpoints over xDS (ADS, SotW and delta) until SIGTERM or SIGINT. Clients go on with what they have.",
    )
    .option(
      "--static <file>",
      "take clusters and routes from this file instead of Kubernetes, in the form of the proxy's configuration",
    )
    .option(
      "--kubeconfig <file>",
      "how to reach Kubernetes; default: as kubectl does, or as the Pod's ServiceAccount",
    )
    .option("--context <name>", "context of the kubeconfig; default: its current one")
    .option("--cluster-domain <name>", "domain of the cluster's DNS names", "cluster.local")
    .option("--address <address>", "where xDS is served, ip:port", ipAddress, ipAddress("127.0.0.1:18000"))
    .option(
      "--admin <address>",
      "the admin server: ip:port or unix:/path",
      address,
      address("127.0.0.1:18001"),
    )
    .option("--metrics <address>", "serve /metrics here; without it there are none", address)
    .option("--insecure", "serve in clear text, to anybody who can connect")
    .addOption(
      new Option("--log-level <level>", "least important level of the log")
        .choices(LOG_LEVELS)
        .default("info"),
    )
    .addHelpText("after", EXAMPLES)
    .action(controlPlane);
}

async function controlPlane(flags: Flags): Promise<void> {
  if (flags.insecure !== true) {
    const wanted = "it: what is served is in clear text, which has to be asked for";
    throw new ExitError(ExitCode.usage, `--insecure: found nothing, wanted ${wanted}`);
  }
  const { runControlPlane } = await import("../control-plane/control-plane-main.ts");
  const exitCode = await runControlPlane({
    staticFile: flags.static,
    kubeConfigFile: flags.kubeconfig,
    kubeContext: flags.context,
    clusterDomain: flags.clusterDomain,
    address: flags.address,
    adminAddress: flags.admin,
    metricsAddress: flags.metrics,
    logLevel: flags.logLevel,
  });
  process.exit(exitCode);
}

function address(text: string): SocketAddress {
  const parsed = parseSocketAddress(text);
  if (parsed === undefined) {
    throw new InvalidArgumentError(`Found "${text}", wanted ip:port, [ipv6]:port or unix:/path.`);
  }
  return parsed;
}

function ipAddress(text: string): SocketAddress & { readonly kind: "ip" } {
  const parsed = parseSocketAddress(text);
  if (parsed?.kind !== "ip")
    throw new InvalidArgumentError(`Found "${text}", wanted ip:port or [ipv6]:port.`);
  return parsed;
}
