import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { SocketAddress } from "../config/socket-address.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { LOG_LEVELS } from "../telemetry/log.ts";

interface Flags {
  readonly static?: string;
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly admin: SocketAddress;
  readonly insecure?: boolean;
  readonly logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
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
    .option("--static <file>", "take clusters and routes from this file, in the form of the proxy's configuration")
    .option("--address <address>", "where xDS is served, ip:port", ipAddress, ipAddress("127.0.0.1:18000"))
    .option("--admin <address>", "the admin server: ip:port or unix:/path", address, address("127.0.0.1:18001"))
    .option("--insecure", "serve in clear text, to anybody who can connect")
    .addOption(
      new Option("--log-level <level>", "least important level of the log").choices(LOG_LEVELS).default("info"),
    )
    .addHelpText("after", EXAMPLES)
    .action(controlPlane);
}

async function controlPlane(flags: Flags): Promise<void> {
  if (flags.static === undefined) {
    throw new ExitError(ExitCode.usage, "--static: found nothing, wanted a file with clusters");
  }
  if (flags.insecure !== true) {
    const wanted = "it: what is served is in clear text, which has to be asked for";
    throw new ExitError(ExitCode.usage, `--insecure: found nothing, wanted ${wanted}`);
  }
  const { runControlPlane } = await import("../control-plane/control-plane-main.ts");
  const exitCode = await runControlPlane({
    staticFile: flags.static,
    address: flags.address,
    adminAddress: flags.admin,
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
  if (parsed?.kind !== "ip") throw new InvalidArgumentError(`Found "${text}", wanted ip:port or [ipv6]:port.`);
  return parsed;
}
