import type { Logger } from "pino";
import { destination, pino } from "pino";

/** Levels of the log, least important first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Further facts of a log line. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

const STANDARD_ERROR = 2;

/** The process's own log: one JSON object per line on standard error, written at once so that an exit loses none. */
export class ProcessLog {
  readonly #logger: Logger;

  constructor(level: LogLevel) {
    this.#logger = pino(
      {
        level,
        base: null,
        messageKey: "message",
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination({ dest: STANDARD_ERROR, sync: true }),
    );
  }

  get level(): LogLevel {
    return this.#logger.level as LogLevel;
  }

  set level(level: LogLevel) {
    this.#logger.level = level;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.write("debug", message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.write("info", message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.write("warn", message, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    this.write("error", message, fields);
  }

  write(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.#logger[level](fields, message);
  }
}
