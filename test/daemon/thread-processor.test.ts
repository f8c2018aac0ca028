import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { currentThreadId, readThreadProcessor } from "../../src/daemon/thread-processor.ts";

const skip = existsSync("/proc/thread-self") ? false : "this system has no /proc/thread-self";

test("a thread that spins has used a processor and would use it again, one that waits has not", {
  skip,
}, async () => {
  const code = (then: string) =>
    `import { parentPort } from "node:worker_threads";
     import { currentThreadId } from ${JSON.stringify(new URL("../../src/daemon/thread-processor.ts", import.meta.url).href)};
     parentPort.postMessage(currentThreadId());
     ${then}`;
  const start = async (then: string): Promise<[Worker, number]> => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code(then))}`));
    const [threadId] = await once(worker, "message");
    return [worker, threadId as number];
  };
  const [spinning, spinner] = await start("for (;;);");
  const [waiting, waiter] = await start("setInterval(() => 0, 1e6)");
  assert.notEqual(spinner, waiter);
  await sleep(50);
  const before = readThreadProcessor(spinner)!;
  const idleBefore = readThreadProcessor(waiter)!;
  // However busy the machine is, it gets there.
  while (readThreadProcessor(spinner)!.ranMs < before.ranMs + 100) await sleep(20);
  assert.equal(readThreadProcessor(spinner)!.runnable, true);
  const idle = readThreadProcessor(waiter)!;
  assert.equal(idle.runnable, false);
  assert.ok(idle.ranMs - idleBefore.ranMs < 50);
  await Promise.all([spinning.terminate(), waiting.terminate()]);
});

test("what the kernel does not know is undefined", () => {
  assert.equal(readThreadProcessor(0), undefined);
  assert.equal(readThreadProcessor(2 ** 30), undefined);
  assert.equal(currentThreadId(), skip === false ? process.pid : 0);
});
