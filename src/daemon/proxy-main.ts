import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { formatConfigProblem } from "../config/config-problem.ts";
import type { Environment } from "../config/environment-overrides.ts";
import { loadConfigApart } from "../config/load-config-apart.ts";
import { createAddressLookup } from "../discovery/address-lookup.ts";
import { ConfigFileWatch } from "../discovery/config-file-watch.ts";
import { createLog } from "../telemetry/log.ts";
import { ExitCode, ExitError } from "./exit-code.ts";
import { ProxyDaemon } from "./proxy-daemon.ts";
import { workerEntry } from "./worker-threads.ts";

/** How `isobar proxy` was called. */
export interface ProxyOptions {
  readonly configFile: string;
  readonly env: Environment;
  /** The module of the data-plane threads; default: {@link workerEntry}. For tests. */
  readonly workerEntry?: URL;
  /** The module of the acceptor; default: the real one. For tests. */
  readonly acceptorEntry?: URL;
}

/**
 * `isobar proxy`: configuration → data plane → ready → signals → drained.
 *
 * @returns the exit code, when the process should end.
 * @throws ExitError when it cannot start, or data-plane threads keep dying.
 */
export async function runProxy(options: ProxyOptions): Promise<ExitCode> {
  const { configFile, env } = options;
  const text = await readFile(configFile, "utf8").catch(() => "");
  const load = () => loadConfigApart(configFile, env);
  const { config, warnings = [], problems } = await load();
  if (problems !== undefined) {
    throw new ExitError(ExitCode.usage, problems.map(formatConfigProblem).join("\n"));
  }

  const log = createLog({ level: config.log.level });
  for (const warning of warnings) log.warn("configuration", { warning: formatConfigProblem(warning) });
  const daemon = new ProxyDaemon({
    config,
    log,
    load,
    lookup: createAddressLookup(),
    workerEntry: options.workerEntry ?? workerEntry(),
    acceptorEntry: options.acceptorEntry,
  });
  const stopSignals = onSignals(daemon);
  process.on("uncaughtException", (error) => {
    log.error("a fault of Isobar itself", { error });
    process.exit(ExitCode.fault);
  });
  let watch: ConfigFileWatch | undefined;
  try {
    await daemon.start();
    watch = new ConfigFileWatch(configFile, text, () => void daemon.reload("the file has changed"));
    return await daemon.ended;
  } finally {
    watch?.close();
    stopSignals();
    await daemon.close();
  }
}

/** SIGHUP reloads; the first SIGTERM or SIGINT (a person at a terminal, who is not made to wait) drains, the second ends the process on the spot. */
function onSignals(daemon: ProxyDaemon): () => void {
  let leaving = false;
  const leave = (signal: NodeJS.Signals): void => {
    if (leaving) process.exit(128 + constants.signals[signal]);
    leaving = true;
    daemon.drain(signal, signal === "SIGINT");
  };
  const reload = (): void => void daemon.reload("SIGHUP");
  process.on("SIGTERM", leave).on("SIGINT", leave).on("SIGHUP", reload);
  return () => process.off("SIGTERM", leave).off("SIGINT", leave).off("SIGHUP", reload);
}
