import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

const THREADS = 6;
const MODULE = new URL("../../src/daemon/collect-garbage.ts", import.meta.url).href;
const CODE = `
  const { collectGarbage } = await import(${JSON.stringify(MODULE)});
  for (let i = 0; i < 40; i++) collectGarbage();
`;

test("several threads may collect at once: none takes the means from another", async () => {
  const threads = Array.from({ length: THREADS }, () => {
    const url = new URL(`data:text/javascript,${encodeURIComponent(CODE)}`);
    return new Worker(url);
  });
  const codes = await Promise.all(
    threads.map(async (thread) => {
      const [code] = await Promise.race([once(thread, "exit"), once(thread, "error")]);
      return code;
    }),
  );
  assert.deepEqual(codes, new Array(THREADS).fill(0));
});
