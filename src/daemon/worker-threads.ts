import type { Transferable } from "node:worker_threads";
import { Worker } from "node:worker_threads";
import type { DeathCause } from "../telemetry/thread-restarts.ts";
import type { MainToWorker, WorkerStart, WorkerToMain } from "./worker-messages.ts";

/** Why a thread ended without being asked to. */
export interface ThreadDeath {
  readonly cause: DeathCause;
  /** For people. */
  readonly reason: string;
}

/** What the workers tell their owner. */
export interface WorkerThreadsEvents {
  readonly onMessage: (worker: number, message: WorkerToMain) => void;
  /** A thread has ended without being asked to: it runs no more and writes nothing any more. */
  readonly onDeath: (worker: number, death: ThreadDeath) => void;
}

/** The worker threads, seen from the main thread, by worker index. */
export class WorkerThreads {
  readonly #entry: URL;
  readonly #events: WorkerThreadsEvents;
  readonly #threads: (Worker | undefined)[] = [];
  #closing = false;

  /** @param entry the module a thread runs; see {@link workerEntry}. */
  constructor(entry: URL, events: WorkerThreadsEvents) {
    this.#entry = entry;
    this.#events = events;
  }

  /** Starts the thread of an index that has none. */
  start(start: WorkerStart): void {
    const { workerIndex } = start;
    const thread = new Worker(this.#entry, { workerData: start, name: `data-plane-${workerIndex}` });
    let error: unknown;
    thread.on("message", (message: WorkerToMain) => this.#events.onMessage(workerIndex, message));
    thread.on("error", (thrown) => {
      error = thrown;
    });
    thread.on("exit", (exitCode) => {
      this.#threads[workerIndex] = undefined;
      if (!this.#closing) this.#events.onDeath(workerIndex, deathOf(error, exitCode));
    });
    this.#threads[workerIndex] = thread;
  }

  send(worker: number, message: MainToWorker, transfer: readonly Transferable[] = []): void {
    this.#threads[worker]?.postMessage(message, transfer);
  }

  /** Sends one message to every worker; shared memory in it is not copied. */
  broadcast(message: MainToWorker): void {
    for (const thread of this.#threads) thread?.postMessage(message);
  }

  /** Ends a thread at once, also one whose loop stands still; its death is told as usual. */
  kill(worker: number): void {
    void this.#threads[worker]?.terminate();
  }

  /** Ends all threads at once; nothing is told any more. */
  async terminate(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#threads.map((thread) => thread?.terminate()));
  }
}

/** @returns what an `error` event and the exit code say; no error and 1 is a thread that was terminated. */
export function deathOf(error: unknown, exitCode: number): ThreadDeath {
  if (error === undefined) return { cause: "crash", reason: `exit code ${exitCode}` };
  const isOutOfMemory = (error as { readonly code?: unknown }).code === "ERR_WORKER_OUT_OF_MEMORY";
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { cause: isOutOfMemory ? "out_of_memory" : "crash", reason };
}

/** @returns the module of a data-plane thread, beside this one: TypeScript in a checkout, JavaScript in a build. */
export function workerEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
}
