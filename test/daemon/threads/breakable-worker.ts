import { BroadcastChannel, workerData } from "node:worker_threads";
import type { WorkerStart } from "../../../src/daemon/worker-messages.ts";
import type { Break } from "./breaker.ts";

// The real worker, with a way to break it that production has not: this module is the hook.
const { workerIndex } = workerData as WorkerStart;
const channel = new BroadcastChannel("isobar-test-break");
channel.onmessage = (event) => {
  const { worker, how } = (event as unknown as { readonly data: Break }).data;
  if (worker !== workerIndex) return;
  switch (how) {
    case "throw":
      throw new Error("told to die");
    case "exit":
      return process.exit(3);
    case "spin":
      for (;;);
    case "exhaust": {
      // In large pieces: the heap is full before the watch takes it for a loop that stands still.
      const hoard: number[][] = [];
      for (;;) hoard.push(new Array<number>(10_000).fill(hoard.length));
    }
  }
};
channel.unref();

await import("../../../src/daemon/worker.ts");
