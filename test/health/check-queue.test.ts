import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { CheckQueue } from "../../src/health/check-queue.ts";

it("runs no more checks at once than its limit, in order, and forgets those that leave", async () => {
  const queue = new CheckQueue(3);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const checks = Array.from({ length: 10 }, (_, i) => () => {
    begun.push(i);
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  for (const check of checks) queue.run(check);
  assert.deepEqual(begun, [0, 1, 2]);
  queue.leave(checks[4]!);
  ends[1]!();
  await turn();
  assert.deepEqual(begun, [0, 1, 2, 3]);
  for (let i = 0; i < 12; i++) {
    for (const end of ends) end();
    await turn();
  }
  assert.deepEqual(begun, [0, 1, 2, 3, 5, 6, 7, 8, 9]);
});
