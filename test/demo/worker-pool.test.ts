import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WorkerPool } from "../../src/demo/worker-pool.ts";

describe("WorkerPool", () => {
  it("serves as many as it has workers, and the others in order", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const pool = new WorkerPool(2, () => 10);
    const served: number[] = [];
    for (let call = 0; call < 5; call++) pool.submit(() => served.push(call));
    assert.equal(pool.depth, 5);
    t.mock.timers.tick(10);
    assert.deepEqual(served, [0, 1]);
    t.mock.timers.tick(10);
    assert.deepEqual(served, [0, 1, 2, 3]);
    t.mock.timers.tick(10);
    assert.deepEqual(served, [0, 1, 2, 3, 4]);
    assert.equal(pool.depth, 0);
  });

  it("gives the worker of a cancelled call to the next, and never serves one cancelled while it waits", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const pool = new WorkerPool(1, () => 10);
    const served: string[] = [];
    const first = pool.submit(() => served.push("first"));
    const second = pool.submit(() => served.push("second"));
    pool.submit(() => served.push("third"));
    pool.cancel(second);
    pool.cancel(first);
    pool.cancel(first);
    assert.equal(pool.depth, 1);
    t.mock.timers.tick(10);
    assert.deepEqual(served, ["third"]);
    assert.equal(pool.depth, 0);
  });
});
