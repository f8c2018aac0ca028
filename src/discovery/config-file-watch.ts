import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** How a {@link ConfigFileWatch} waits; tests shorten it. */
export interface WatchTimes {
  /** Quiet time after the last event before the file is looked at, so that half-written files are not read. */
  readonly settleMs: number;
  /** Time between two looks without any event: some file systems and link targets send none. */
  readonly pollMs: number;
}

const DEFAULT_TIMES: WatchTimes = { settleMs: 100, pollMs: 5_000 };

/**
 * Says when a file has another content. It watches the folder and not the file, so that editors and Kubernetes, which
 * replace the file (or a link on its way) instead of writing into it, are seen too.
 */
export class ConfigFileWatch {
  readonly #file: string;
  readonly #onChange: () => void;
  readonly #times: WatchTimes;
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #settle: NodeJS.Timeout | undefined;
  #text: string;
  #closed = false;

  /**
   * @param text the content that is already known; only another one is a change.
   * @param onChange called once per change; a file that vanishes is no change.
   */
  constructor(file: string, text: string, onChange: () => void, times: WatchTimes = DEFAULT_TIMES) {
    this.#file = resolve(file);
    this.#onChange = onChange;
    this.#times = times;
    this.#text = text;
    this.#poll = setInterval(() => void this.#look(), times.pollMs);
    this.#poll.unref();
    try {
      this.#watcher = watch(dirname(this.#file), { persistent: false }, () => this.#touched());
      // The folder was removed, or the system ran out of watches: looking from time to time remains.
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      this.#watcher = undefined;
    }
  }

  /** Ends the watch; there is no call any more. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    this.#watcher?.close();
  }

  #touched(): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => void this.#look(), this.#times.settleMs);
    this.#settle.unref();
  }

  async #look(): Promise<void> {
    const text = await readFile(this.#file, "utf8").catch(() => undefined);
    if (text === undefined || text === this.#text || this.#closed) return;
    this.#text = text;
    this.#onChange();
  }
}
