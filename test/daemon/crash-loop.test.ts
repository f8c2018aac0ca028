import assert from "node:assert/strict";
import { test } from "node:test";
import { CrashLoop, DEATHS_PERIOD_MS, MAX_DEATHS } from "../../src/daemon/crash-loop.ts";

test("as many deaths as are allowed in the period are replaced, one more is not", () => {
  const loop = new CrashLoop();
  for (let i = 0; i < MAX_DEATHS; i++) assert.equal(loop.died(i), false);
  assert.equal(loop.died(DEATHS_PERIOD_MS - 1), true);
});

test("a thread that dies now and then is replaced for ever", () => {
  const loop = new CrashLoop();
  for (let i = 0; i < 1000; i++) assert.equal(loop.died((i * DEATHS_PERIOD_MS) / MAX_DEATHS), false);
});
