import { constants } from "node:os";
import type { SocketAddress } from "../config/socket-address.ts";
import { formatSocketAddress } from "../config/socket-address.ts";
import { systemErrorText } from "../config/system-error-text.ts";
import type { KubernetesSource, KubernetesSourceOptions } from "../controller/kubernetes-source.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import type { Log, LogLevel } from "../telemetry/log.ts";
import { createLog } from "../telemetry/log.ts";
import type { Audit, AuditFlags } from "./audit/audit.ts";
import { NodeViews } from "./callers/node-views.ts";
import { AddressError, ControlPlane } from "./control-plane.ts";
import type { SourceFlags } from "./create-source.ts";
import { createSource } from "./create-source.ts";
import type { PeerFlags } from "./peers/open-peers.ts";
import { StaticFileError } from "./static-source.ts";
import type { Trust, TrustFlags } from "./trust/create-trust.ts";
import { createTrust } from "./trust/create-trust.ts";
import { IdentityError } from "./trust/identity-source.ts";
import type { WebhookFlags } from "./webhook/open-webhook.ts";
import type { WebhookService } from "./webhook/webhook-service.ts";

/** How `isobar control-plane` was called. */
export interface ControlPlaneFlags extends SourceFlags {
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly adminAddress: SocketAddress;
  /** Loopback or a unix socket. undefined: no page is served. */
  readonly pageAddress: SocketAddress | undefined;
  /** undefined: no metrics are served. */
  readonly metricsAddress: SocketAddress | undefined;
  readonly logLevel: LogLevel;
  readonly trust: TrustFlags;
  /** The Service whose endpoints are the proxies, `name.namespace`. */
  readonly fleetService: string;
  /** undefined: the API server asks nothing about Pods. */
  readonly webhook: WebhookFlags | undefined;
  /** undefined: there are no other replicas, or they are not told what callers report. */
  readonly peers: PeerFlags | undefined;
  /** undefined: nothing is audited. */
  readonly audit: AuditFlags | undefined;
}

const WARNING_INTERVAL_MS = 60_000;

/**
 * `isobar control-plane`: source → cache → streams, until a signal ends it.
 *
 * @returns the exit code, when the process should end.
 * @throws ExitError when it cannot start.
 */
export async function runControlPlane(flags: ControlPlaneFlags): Promise<ExitCode> {
  const log = createLog({ level: flags.logLevel });
  const { address, adminAddress, metricsAddress, pageAddress } = flags;
  const audit = await openAudit(flags, log);
  const nodes = new NodeViews(log);
  const trust = await openTrust(flags, log, nodes);
  const { identity, admission, warning } = trust;
  const seen = nodes.sourceOptions(trust.sourceOptions, flags.fleetService);
  const { source, clusters, contestedEndpoints } = await createSource(flags, log, {
    ...seen,
    ...(audit === undefined ? {} : audited(audit, seen)),
  });
  trust.readFrom(() => clusters[0]?.objects);
  nodes.readFrom(clusters[0]);
  const webhook = await openWebhook(flags, trust, clusters[0], log);
  const controlPlane = new ControlPlane({
    source,
    kubernetes: { clusters: () => clusters.map((each) => each.stats()), contestedEndpoints },
    address,
    adminAddress,
    metricsAddress,
    pageAddress,
    auditFolder: flags.audit?.folder,
    log,
    identity,
    admission,
    fleetService: flags.fleetService,
    nodes,
    audit,
    webhook,
    peers: flags.peers,
  });
  const signal = endSignal();
  process.on("uncaughtException", (error) => {
    log.error("a fault of Isobar itself", { error });
    process.exit(ExitCode.fault);
  });
  try {
    const starting = controlPlane.start();
    // It may wait for Kubernetes for as long as that is away.
    const started = await Promise.race([starting, signal]);
    if (typeof started === "string") {
      starting.catch(() => {});
      log.info("leaving", { signal: started });
      return ExitCode.ok;
    }
    const { port, adminPort, webhookPort, pagePort } = started;
    log.info("serving xDS", {
      address: formatSocketAddress({ ...address, port }),
      admin: boundAddress(adminAddress, adminPort),
      ...(pageAddress === undefined ? {} : { page: boundAddress(pageAddress, pagePort) }),
      ...(webhook === undefined
        ? {}
        : { webhook: formatSocketAddress({ ...webhook.address, port: webhookPort }) }),
      source: flags.staticFile ?? "Kubernetes",
    });
    const warn = (): void => {
      if (warning !== "") log.warn(warning, { address: formatSocketAddress({ ...address, port }) });
    };
    warn();
    const timer = setInterval(warn, WARNING_INTERVAL_MS);
    log.info("leaving", { signal: await signal });
    clearInterval(timer);
    return ExitCode.ok;
  } catch (error) {
    if (error instanceof StaticFileError || error instanceof IdentityError)
      throw new ExitError(ExitCode.usage, error.message, { cause: error });
    if (error instanceof AddressError)
      throw new ExitError(ExitCode.bindFailed, error.message, { cause: error });
    throw error;
  } finally {
    await controlPlane.close();
    await trust.close();
  }
}

function boundAddress(address: SocketAddress, port: number): string {
  return formatSocketAddress(address.kind === "ip" ? { ...address, port } : address);
}

/** @throws ExitError when its files are no good. */
async function openTrust(flags: ControlPlaneFlags, log: Log, { optIn }: NodeViews): Promise<Trust> {
  try {
    return await createTrust(flags.trust, log, optIn);
  } catch (error) {
    throw new ExitError(ExitCode.usage, error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/** Loaded only where it is wanted. @throws ExitError where it could not work. */
async function openWebhook(
  { webhook, clusterDomain: domain }: ControlPlaneFlags,
  trust: Trust,
  cluster: KubernetesSource | undefined,
  log: Log,
): Promise<WebhookService | undefined> {
  if (webhook === undefined) return undefined;
  const { openWebhook: open } = await import("./webhook/open-webhook.ts");
  return open(webhook, { trust, cluster, domain, log });
}

/** What is written about services is recorded as it is written. */
function audited(
  audit: Audit,
  { onAnnotated }: Pick<KubernetesSourceOptions, "onAnnotated">,
): Pick<KubernetesSourceOptions, "onAnnotated" | "onPolicy" | "onRoute"> {
  return {
    onAnnotated: (previous, current) => {
      onAnnotated?.(previous, current);
      audit.onAnnotated(previous, current);
    },
    onPolicy: (change) => audit.onPolicy(change),
    onRoute: (change) => audit.onRoute(change),
  };
}

/** Loaded only where it is wanted. @throws ExitError when its folder cannot be used. */
async function openAudit({ audit, ...flags }: ControlPlaneFlags, log: Log): Promise<Audit | undefined> {
  if (audit === undefined) return undefined;
  const { openAudit: open } = await import("./audit/open-audit.ts");
  try {
    return await open(audit, flags, log);
  } catch (error) {
    throw new ExitError(
      ExitCode.usage,
      `--audit-dir: found ${audit.folder}, wanted a folder that can be written to: ${systemErrorText(error)}`,
      { cause: error },
    );
  }
}

/** SIGTERM and SIGINT; the second one ends the process on the spot. */
function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let leaving = false;
    const leave = (signal: NodeJS.Signals): void => {
      if (leaving) process.exit(128 + constants.signals[signal]);
      leaving = true;
      resolve(signal);
    };
    process.on("SIGTERM", leave).on("SIGINT", leave);
  });
}
