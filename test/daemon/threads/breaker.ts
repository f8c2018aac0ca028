import { BroadcastChannel } from "node:worker_threads";

/** What is to happen to a thread of breakable-worker.ts or breakable-acceptor.ts. */
export interface Break {
  /** Its index; -1 for the acceptor. */
  readonly worker: number;
  readonly how: "throw" | "exit" | "spin" | "exhaust" | "pause";
}

/** Breaks threads of this process. */
export class Breaker {
  readonly #channel = new BroadcastChannel("isobar-test-break");

  break(broken: Break): void {
    this.#channel.postMessage(broken);
  }

  close(): void {
    this.#channel.close();
  }
}
