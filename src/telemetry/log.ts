import { destination, pino, stdSerializers, stdTimeFunctions } from "pino";

/** From most to least; `silent` writes nothing. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What belongs to a message. `error` may be an Error: its stack and causes are written. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The process's own log, for the main thread. A message is a constant text that can be searched for; what varies goes
 * into `fields`. Not for anything that happens once per request: that is the access log.
 */
export interface Log {
  /** May be set at any time. */
  level: LogLevel;
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What a {@link Log} needs to know before it exists. */
export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Where lines go. Default: stderr, written before the call returns, so that the last words of a process arrive. */
  readonly stream?: { write(line: string): void };
}

/** A log of JSON lines: `{"level":"info","time":"2026-01-31T12:00:00.000Z","message":"…", …fields}`. */
export function createLog(options: LogOptions = {}): Log {
  const logger = pino(
    {
      level: options.level ?? "info",
      base: null,
      messageKey: "message",
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.errWithCause },
    },
    options.stream ?? destination({ fd: 2, sync: true }),
  );
  return {
    get level() {
      return logger.level as LogLevel;
    },
    set level(level) {
      logger.level = level;
    },
    trace: (message, fields = {}) => logger.trace(fields, message),
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}
