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
      const hoard: object[] = [];
      for (;;) hoard.push({ at: hoard.length, text: `${hoard.length} of many` });
    }
  }
};
channel.unref();

await import("../../../src/daemon/worker.ts");
