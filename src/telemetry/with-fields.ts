import type { Log, LogFields } from "./log.ts";

/** @returns a log that writes into another one, with these fields in every line. */
export function withFields(log: Log, fields: LogFields): Log {
  return {
    get level() {
      return log.level;
    },
    set level(level) {
      log.level = level;
    },
    trace: (message, more) => log.trace(message, { ...fields, ...more }),
    debug: (message, more) => log.debug(message, { ...fields, ...more }),
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}
