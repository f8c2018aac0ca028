import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { SocketAddress } from "../config/socket-address.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import type { OtherClusterFlag } from "../control-plane/create-source.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { LOG_LEVELS } from "../telemetry/log.ts";
import { otherClusterOption } from "./other-cluster-option.ts";
import type { PeerOptions } from "./peer-options.ts";
import { addPeerOptions, peerFlags } from "./peer-options.ts";
import type { TrustOptions } from "./trust-options.ts";
import { addTrustOptions, trustFlags } from "./trust-options.ts";
import type { WebhookOptions } from "./webhook-options.ts";
import { addWebhookOptions, webhookFlags } from "./webhook-options.ts";

interface Flags extends TrustOptions, WebhookOptions, PeerOptions {
  readonly static?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: readonly OtherClusterFlag[];
  readonly merge: "annotated" | "all";
  readonly clusterState?: string;
  readonly clusterDomain: string;
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly admin: SocketAddress;
  readonly metrics?: SocketAddress;
  readonly page?: SocketAddress;
  readonly fleetService: string;
  readonly auditDir?: string;
  readonly auditFileSize: number;
  readonly auditMaxFiles: number;
  readonly logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
  isobar control-plane --address 0.0.0.0:18000              in a Pod: serve its cluster's Services over TLS
  isobar control-plane --insecure                           serve the Services of the cluster that kubectl talks to
  isobar control-plane --static services.yaml --insecure    serve the clusters and routes of a file
  curl localhost:18001/xds/status                           who has which version, and who refused what

Clients: isobar proxy (controlPlane), Envoy, and gRPC with xds:/// targets. More: docs/control-plane.md.`;

/** Adds `isobar control-plane`: services for proxies, Envoys and gRPC clients over xDS. */
export function addControlPlaneCommand(program: Command): void {
  const command = program
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
    .option(
      "--cluster <name=file[#context]>",
      "another cluster, whose Services of the same name add endpoints; may be repeated",
      otherClusterOption,
    )
    .addOption(
      new Option(
        "--merge <which>",
        'Services that are one in all clusters: those annotated isobar.dev/global, or all but what is annotated "false"',
      )
        .choices(["annotated", "all"])
        .default("annotated"),
    )
    .option(
      "--cluster-state <folder>",
      "keep other clusters' services here, for a start while their API is away; without it they are not kept",
    )
    .option("--cluster-domain <name>", "domain of the cluster's DNS names", "cluster.local")
    .addOption(
      new Option("--address <address>", "where xDS is served, ip:port")
        .argParser(ipAddress)
        .default(ipAddress("127.0.0.1:18000"), "127.0.0.1:18000"),
    )
    .addOption(
      new Option("--admin <address>", "the admin server: ip:port or unix:/path")
        .argParser(address)
        .default(address("127.0.0.1:18001"), "127.0.0.1:18001"),
    )
    .option(
      "--page <address>",
      "serve the read-only page for people here, on loopback (127.0.0.1:18002) or unix:/path; without it there is none",
      loopbackAddress,
    )
    .option("--metrics <address>", "serve /metrics here; without it there are none", address)
    .option(
      "--fleet-service <namespace/name>",
      "the Service whose endpoints are the proxies; where there is none they are known by their streams",
      serviceName,
      "isobar-system/isobar-proxy",
    )
    .option(
      "--audit-dir <folder>",
      "write down here what was known, who was told it and who accepted it, for isobar audit",
    )
    .option(
      "--audit-file-size <MiB>",
      "a file of the audit is followed by another at this size",
      wholeNumber,
      64,
    )
    .option("--audit-max-files <number>", "files of the audit that are kept", wholeNumber, 16);
  addPeerOptions(addWebhookOptions(addTrustOptions(command)))
    .addOption(
      new Option("--log-level <level>", "least important level of the log")
        .choices(LOG_LEVELS)
        .default("info"),
    )
    .addHelpText("after", EXAMPLES)
    .action(controlPlane);
}

async function controlPlane(flags: Flags): Promise<void> {
  const { runControlPlane } = await import("../control-plane/control-plane-main.ts");
  const exitCode = await runControlPlane({
    staticFile: flags.static,
    kubeConfigFile: flags.kubeconfig,
    kubeContext: flags.context,
    otherClusters: flags.cluster ?? [],
    clusterState: flags.clusterState,
    mergesAll: flags.merge === "all",
    clusterDomain: flags.clusterDomain,
    address: flags.address,
    adminAddress: flags.admin,
    metricsAddress: flags.metrics,
    pageAddress: flags.page,
    logLevel: flags.logLevel,
    audit:
      flags.auditDir === undefined
        ? undefined
        : {
            folder: flags.auditDir,
            fileOctets: flags.auditFileSize * 1_048_576,
            maxFiles: flags.auditMaxFiles,
          },
    trust: trustFlags(flags, flags),
    webhook: webhookFlags(flags),
    peers: peerFlags(flags),
    fleetService: flags.fleetService.split("/").reverse().join("."),
  });
  process.exit(exitCode);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text))
    throw new InvalidArgumentError(`Found "${text}", wanted a whole number from 1 to 99999.`);
  return Number(text);
}

function address(text: string): SocketAddress {
  const parsed = parseSocketAddress(text);
  if (parsed === undefined) {
    throw new InvalidArgumentError(`Found "${text}", wanted ip:port, [ipv6]:port or unix:/path.`);
  }
  return parsed;
}

/** The page asks nobody who he is: kubectl port-forward does that before it leads here. */
function loopbackAddress(text: string): SocketAddress {
  const parsed = address(text);
  if (parsed.kind === "ip" && !/^(127\.|::1$)/.test(parsed.host))
    throw new InvalidArgumentError(
      `Found "${text}", wanted an address of loopback, such as 127.0.0.1:18002, or unix:/path: the page asks nobody who he is. kubectl port-forward leads to it.`,
    );
  return parsed;
}

function serviceName(text: string): string {
  const [namespace = "", name = "", ...rest] = text.split("/");
  if (namespace === "" || name === "" || rest.length > 0)
    throw new InvalidArgumentError(`Found "${text}", wanted namespace/name.`);
  return text.toLowerCase();
}

function ipAddress(text: string): SocketAddress & { readonly kind: "ip" } {
  const parsed = parseSocketAddress(text);
  if (parsed?.kind !== "ip")
    throw new InvalidArgumentError(`Found "${text}", wanted ip:port or [ipv6]:port.`);
  return parsed;
}
