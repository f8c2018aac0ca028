import { constants } from "node:os";
import type { SocketAddress } from "../config/socket-address.ts";
import { formatSocketAddress } from "../config/socket-address.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { createAddressLookup } from "../discovery/address-lookup.ts";
import type { ServiceSource } from "../resource/service-source.ts";
import type { Log, LogLevel } from "../telemetry/log.ts";
import { createLog } from "../telemetry/log.ts";
import { AddressError, ControlPlane } from "./control-plane.ts";
import { StaticFileError, StaticSource } from "./static-source.ts";

/** How `isobar control-plane` was called. */
export interface ControlPlaneFlags {
  /** Services of this file; undefined: those of Kubernetes. */
  readonly staticFile: string | undefined;
  /** Which Kubernetes; undefined where it is as kubectl has it. */
  readonly kubeConfigFile: string | undefined;
  readonly kubeContext: string | undefined;
  readonly clusterDomain: string;
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly adminAddress: SocketAddress;
  /** undefined: no metrics are served. */
  readonly metricsAddress: SocketAddress | undefined;
  readonly logLevel: LogLevel;
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
  const { address, adminAddress, metricsAddress } = flags;
  const source = await createSource(flags, log);
  const controlPlane = new ControlPlane({ source, address, adminAddress, metricsAddress, log });
  const signal = endSignal();
  process.on("uncaughtException", (error) => {
    log.error("a fault of Isobar itself", { error });
    process.exit(ExitCode.fault);
  });
  try {
    const { port, adminPort } = await controlPlane.start();
    log.info("serving xDS", {
      address: formatSocketAddress({ ...address, port }),
      admin: formatSocketAddress(
        adminAddress.kind === "ip" ? { ...adminAddress, port: adminPort } : adminAddress,
      ),
      source: flags.staticFile ?? "Kubernetes",
    });
    const warn = () =>
      log.warn("xDS is served in clear text to anybody who can connect, as --insecure permits", {
        address: formatSocketAddress({ ...address, port }),
      });
    warn();
    const warning = setInterval(warn, WARNING_INTERVAL_MS);
    log.info("leaving", { signal: await signal });
    clearInterval(warning);
    return ExitCode.ok;
  } catch (error) {
    if (error instanceof StaticFileError)
      throw new ExitError(ExitCode.usage, error.message, { cause: error });
    if (error instanceof AddressError)
      throw new ExitError(ExitCode.bindFailed, error.message, { cause: error });
    throw error;
  } finally {
    await controlPlane.close();
  }
}

/** What reads Kubernetes is large, and loaded only where it is used. */
async function createSource(flags: ControlPlaneFlags, log: Log): Promise<ServiceSource> {
  const { staticFile, kubeConfigFile, kubeContext, clusterDomain } = flags;
  if (staticFile !== undefined)
    return new StaticSource({ file: staticFile, log, lookup: createAddressLookup() });
  const { KubernetesSource } = await import("../controller/kubernetes-source.ts");
  try {
    return new KubernetesSource({
      kubeConfig: { file: kubeConfigFile, context: kubeContext },
      clusterDomain,
      log,
    });
  } catch (error) {
    throw new ExitError(ExitCode.usage, error instanceof Error ? error.message : String(error), {
      cause: error,
    });
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
