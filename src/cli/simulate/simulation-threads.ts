import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { RunResult } from "../../sim/run-result.ts";
import type { Contestant, Scenario } from "../../sim/scenario.ts";

/** One run. */
export interface SimulationTask {
  readonly scenario: Scenario;
  readonly contestant: Contestant;
  readonly keep: number;
  readonly seed: number;
}

/** Threads that run simulations side by side. A run's result depends on nothing but its task. */
export class SimulationThreads {
  readonly #idle: Worker[];
  readonly #all: readonly Worker[];
  readonly #waiting: (() => void)[] = [];
  readonly #onRun: () => void;

  /**
   * @param onRun called after each run.
   * @param count of threads; default: one per processor.
   */
  constructor(onRun: () => void, count: number = availableParallelism()) {
    this.#onRun = onRun;
    const entry = new URL(
      import.meta.url.endsWith(".ts") ? "./simulate-worker.ts" : "./simulate-worker.js",
      import.meta.url,
    );
    this.#all = Array.from({ length: count }, () => new Worker(entry));
    this.#idle = [...this.#all];
  }

  async run(task: SimulationTask): Promise<RunResult> {
    while (this.#idle.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const thread = this.#idle.pop()!;
    try {
      const result = await new Promise<RunResult>((resolve, reject) => {
        thread.removeAllListeners();
        thread.once("message", resolve);
        thread.once("error", reject);
        thread.postMessage(task);
      });
      this.#onRun();
      return result;
    } finally {
      this.#idle.push(thread);
      this.#waiting.shift()?.();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((thread) => thread.terminate()));
  }
}
