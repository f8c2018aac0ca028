import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import { formatConfigProblem } from "../config/config-problem.ts";
import type { ParsedConfig } from "../config/parse-config.ts";
import type { Log } from "../telemetry/log.ts";

/** What has become of reloads; shown by metrics and the admin server. */
export interface ReloadStatus {
  /** Reloads that put a configuration in force; the one at the start counts. */
  readonly succeeded: number;
  /** Reloads refused because of errors. */
  readonly failed: number;
  /** Whether the file, as last read, is what is in force. */
  readonly lastSucceeded: boolean;
  /** When a configuration was last put in force, in milliseconds since 1970. */
  readonly inForceSinceMs: number;
  /** Why the last reload was refused, one line per problem; empty after a good one. */
  readonly problems: readonly string[];
  /** Sections that differ in the file but take a restart. */
  readonly restartNeeded: readonly string[];
}

/** What a {@link Reloader} works with. */
export interface ReloaderOptions {
  readonly load: () => Promise<ParsedConfig>;
  /** Puts what can change at run time in force. */
  readonly apply: (config: Config) => Promise<void>;
  readonly log: Log;
  /** Told after every reload. */
  readonly onOutcome: (succeeded: boolean) => void;
}

/** Sections that are read once, at the start: those that the schema does not mark live. */
export const FIXED_SECTIONS = [
  "node",
  "admin",
  "metrics",
  "listeners",
  "capture",
  "controlPlane",
  "memory",
  "limits",
  "keepalive",
  "overload",
  "concurrency",
] as const;

/** Reads the file again when told to, and keeps the running configuration when the new one is wrong. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #running: Config;
  #status: ReloadStatus;
  #queue: Promise<void> = Promise.resolve();

  /** @param running the configuration in force since the start. */
  constructor(running: Config, options: ReloaderOptions) {
    this.#running = running;
    this.#options = options;
    this.#status = {
      succeeded: 1,
      failed: 0,
      lastSucceeded: true,
      inForceSinceMs: Date.now(),
      problems: [],
      restartNeeded: [],
    };
  }

  /** The configuration in force: fixed sections as at the start, the others as last reloaded. */
  get running(): Config {
    return this.#running;
  }

  get status(): ReloadStatus {
    return this.#status;
  }

  /**
   * One reload at a time, in the order asked for.
   *
   * @param cause for the log: what asked for it.
   */
  reload(cause: string): Promise<void> {
    this.#queue = this.#queue
      .then(() => this.#reload(cause))
      .catch((error: unknown) => this.#refuse(cause, [`a fault of Isobar itself: ${String(error)}`]));
    return this.#queue;
  }

  async #reload(cause: string): Promise<void> {
    const { load, apply, log } = this.#options;
    const parsed = await load();
    if (parsed.config === undefined) {
      return this.#refuse(cause, parsed.problems.map(formatConfigProblem));
    }
    for (const warning of parsed.warnings ?? [])
      log.warn("configuration", { warning: formatConfigProblem(warning) });
    const restartNeeded = FIXED_SECTIONS.filter(
      (section) => !isDeepStrictEqual(parsed.config[section], this.#running[section]),
    );
    const { metrics: _, controlPlane: __, capture: ___, ...loaded } = parsed.config;
    const fixed = FIXED_SECTIONS.filter((section) => this.#running[section] !== undefined);
    const kept = Object.fromEntries(fixed.map((section) => [section, this.#running[section]]));
    this.#running = Object.freeze<Config>({ ...loaded, ...kept });
    await apply(this.#running);
    this.#status = {
      succeeded: this.#status.succeeded + 1,
      failed: this.#status.failed,
      lastSucceeded: true,
      inForceSinceMs: Date.now(),
      problems: [],
      restartNeeded,
    };
    this.#options.onOutcome(true);
    if (restartNeeded.length > 0) {
      log.warn("reloaded, but some sections take a restart and stay as they were", {
        cause,
        sections: restartNeeded.join(", "),
      });
    } else {
      log.info("reloaded", { cause, clusters: this.#running.clusters.length });
    }
  }

  #refuse(cause: string, problems: readonly string[]): void {
    this.#status = { ...this.#status, failed: this.#status.failed + 1, lastSucceeded: false, problems };
    this.#options.log.error("reload refused, the running configuration stays in force", {
      cause,
      problems: problems.join("\n"),
    });
    this.#options.onOutcome(false);
  }
}
