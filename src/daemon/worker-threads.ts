import { Worker } from "node:worker_threads";
import type { MainToWorker, WorkerStart, WorkerToMain } from "./worker-messages.ts";

/** What the data plane tells its owner. */
export interface WorkerEvents {
  readonly onMessage: (workerIndex: number, message: WorkerToMain) => void;
  /** A thread ended without being asked to; it will not come back. */
  readonly onDeath: (workerIndex: number, reason: string) => void;
}

/** The worker threads, seen from the main thread. */
export class WorkerThreads {
  readonly #workers: Worker[] = [];
  #closing = false;

  /**
   * Starts one thread for each element of `starts`.
   *
   * @param entry the module a thread runs; see {@link workerEntry}.
   */
  constructor(entry: URL, starts: readonly WorkerStart[], events: WorkerEvents) {
    for (const start of starts) {
      const worker = new Worker(entry, { workerData: start, name: `data-plane-${start.workerIndex}` });
      let reason = "";
      worker.on("message", (message: WorkerToMain) => events.onMessage(start.workerIndex, message));
      worker.on("error", (error) => {
        reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      });
      worker.on("exit", (code) => {
        if (!this.#closing) events.onDeath(start.workerIndex, reason || `exit code ${code}`);
      });
      this.#workers.push(worker);
    }
  }

  /** Sends one message to every worker; shared memory in it is not copied. */
  broadcast(message: MainToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  /** Ends the threads at once. */
  async terminate(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** @returns the module of a data-plane thread, beside this one: TypeScript in a checkout, JavaScript in a build. */
export function workerEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
}
