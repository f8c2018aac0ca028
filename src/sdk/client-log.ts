import type { Log, LogFields } from "../telemetry/log.ts";
import type { ClientSettings } from "./client-options.ts";

/** @returns a log that hands on to what the program gave. What that throws is the program's own affair, and stops nothing here. */
export function clientLog(write: ClientSettings["log"]): Log {
  const say =
    (level: Parameters<ClientSettings["log"]>[0]) =>
    (message: string, fields: LogFields = {}): void => {
      try {
        write(level, message, fields);
      } catch (error) {
        process.emitWarning(`isobar: the log given to configure() failed: ${String(error)}`);
      }
    };
  return {
    level: "debug",
    trace: say("debug"),
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
  };
}
