import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../base/random.ts";
import type { ApiClient } from "../kube/api-client.ts";
import { ApiError } from "../kube/api-error.ts";
import { retryDelayMs } from "../kube/retry-delay.ts";
import type { Log } from "../telemetry/log.ts";

/** One thing to write, made at the moment it is sent: what is said then is of the object as it is then. */
export interface PendingWrite {
  readonly method: "POST" | "PATCH";
  readonly path: string;
  readonly body: unknown;
}

/** Pause between two writes, in ms: status is not urgent, and the API server has others to serve. */
const PAUSE_MS = 20;
const MOST_WAITING = 10_000;
/** Tries before one is given up; it comes back when the object changes. */
const MOST_TRIES = 8;

/**
 * Writes statuses and Events, one after the other. What is written over somebody else's newer version is refused by the API server and
 * made again of what has come in by then.
 */
export class StatusWriter {
  readonly #api: ApiClient;
  readonly #log: Log;
  readonly #random: Random;
  readonly #waiting = new Map<string, { readonly make: () => PendingWrite | undefined; tries: number }>();
  readonly #stop = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  #running: Promise<void> | undefined;
  /** Writes the API server took. */
  written = 0;
  /** Writes given up, and those there was no room for. */
  lost = 0;

  constructor(api: ApiClient, log: Log, random: Random) {
    this.#api = api;
    this.#log = log;
    this.#random = random;
  }

  /**
   * @param key one of a key is written at a time, the latest.
   * @param make undefined: there is nothing to write any more.
   */
  put(key: string, make: () => PendingWrite | undefined): void {
    if (this.#stop.signal.aborted) return;
    if (this.#waiting.size >= MOST_WAITING && !this.#waiting.has(key)) {
      this.lost++;
      return;
    }
    this.#waiting.set(key, { make, tries: 0 });
    this.#running ??= this.#run();
  }

  /** @returns when nothing is under way any more; what waits is dropped. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is said several times in one turn is written once.
    await nextTurn();
    for (const [key, pending] of this.#waiting) {
      this.#waiting.delete(key);
      try {
        const write = pending.make();
        if (write === undefined) continue;
        const kind = write.method === "PATCH" ? "merge-patch+json" : "json";
        await this.#api.write(write.method, write.path, write.body, { kind, signal: this.#stop.signal });
        this.written++;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#failed(key, pending, error);
      }
      await sleep(PAUSE_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
      if (this.#stop.signal.aborted) return;
    }
    this.#running = undefined;
  }

  #failed(
    key: string,
    pending: { readonly make: () => PendingWrite | undefined; tries: number },
    error: unknown,
  ): void {
    const code = error instanceof ApiError ? error.code : 0;
    // Gone meanwhile; or another replica was first with the same Event.
    if (code === 404 || (code === 409 && key.startsWith("event/"))) return;
    pending.tries++;
    if (pending.tries >= MOST_TRIES || code === 403 || code === 422) {
      this.lost++;
      this.#log.warn("a status or Event could not be written", {
        key,
        error: error instanceof Error ? error.message : String(error),
      });
      return;
    }
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (this.#waiting.has(key)) return;
        this.#waiting.set(key, pending);
        this.#running ??= this.#run();
      },
      retryDelayMs(pending.tries, this.#random),
    );
    this.#timers.add(timer);
  }
}
