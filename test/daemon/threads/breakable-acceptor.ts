import { BroadcastChannel } from "node:worker_threads";
import { ACCEPTOR } from "../../../src/daemon/data-plane-threads.ts";
import type { Break } from "./breaker.ts";

// The real acceptor, breakable as breakable-worker.ts is.
const channel = new BroadcastChannel("isobar-test-break");
const word = new Int32Array(new SharedArrayBuffer(4));
channel.onmessage = (event) => {
  const { worker, how } = (event as unknown as { readonly data: Break }).data;
  if (worker !== ACCEPTOR) return;
  if (how === "throw") throw new Error("told to die");
  if (how === "spin") for (;;);
  // Stands still for a moment: clients connect, and send, long before they are accepted.
  if (how === "pause") Atomics.wait(word, 0, 0, 300);
};
channel.unref();

await import("../../../src/daemon/acceptor.ts");
