import { constants } from "node:os";
import type { SocketAddress } from "../config/socket-address.ts";
import { formatSocketAddress } from "../config/socket-address.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { createAddressLookup } from "../discovery/address-lookup.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { createLog } from "../telemetry/log.ts";
import { AddressError, ControlPlane } from "./control-plane.ts";
import { StaticFileError, StaticSource } from "./static-source.ts";

/** How `isobar control-plane` was called. */
export interface ControlPlaneFlags {
  /** Services of this file. */
  readonly staticFile: string;
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly adminAddress: SocketAddress;
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
  const { address, adminAddress } = flags;
  const source = new StaticSource({ file: flags.staticFile, log, lookup: createAddressLookup() });
  const controlPlane = new ControlPlane({ source, address, adminAddress, log });
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
      source: flags.staticFile,
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
    if (error instanceof StaticFileError) throw new ExitError(ExitCode.usage, error.message, { cause: error });
    if (error instanceof AddressError) throw new ExitError(ExitCode.bindFailed, error.message, { cause: error });
    throw error;
  } finally {
    await controlPlane.close();
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
