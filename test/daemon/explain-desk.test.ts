import assert from "node:assert/strict";
import { test } from "node:test";
import { ExplainDesk } from "../../src/daemon/explain-desk.ts";
import type { ExplainAskMessage, ExplainedMessage } from "../../src/daemon/worker-messages.ts";

function answer(id: number, nowMs: number): ExplainedMessage {
  return {
    kind: "explained",
    id,
    nowMs,
    wallMs: 0,
    records: new Float64Array(0),
    views: [],
    cluster: undefined,
  };
}

function deskOf(workerCount: number): { desk: ExplainDesk; asked: ExplainAskMessage[] } {
  const asked: ExplainAskMessage[] = [];
  return { desk: new ExplainDesk({ workerCount, broadcast: (message) => asked.push(message) }), asked };
}

test("all workers are asked, and told in their order whoever answers first", async () => {
  const { desk, asked } = deskOf(2);
  const accounts = desk.ask(7);
  assert.deepEqual(asked, [{ kind: "explain-ask", id: 1, clusterSlot: 7 }]);
  desk.receive(1, answer(1, 10));
  desk.receive(0, answer(1, 20));
  assert.deepEqual(
    (await accounts).map(({ worker, nowMs }) => [worker, nowMs]),
    [
      [0, 20],
      [1, 10],
    ],
  );
});

test("who asks the same meanwhile gets the same answer, and other questions wait for their turn", async () => {
  const { desk, asked } = deskOf(1);
  const [first, same, other] = [desk.ask(7), desk.ask(7), desk.ask(8)];
  assert.equal(asked.length, 1);
  desk.receive(0, answer(1, 10));
  assert.equal(await first, await same);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked[1], { kind: "explain-ask", id: 2, clusterSlot: 8 });
  desk.receive(0, answer(1, 11));
  desk.receive(0, answer(2, 12));
  assert.equal((await other)[0]!.nowMs, 12);
});

test("a worker that does not answer holds nobody up for more than a second", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { desk } = deskOf(2);
  const accounts = desk.ask();
  desk.receive(1, answer(1, 10));
  context.mock.timers.tick(1000);
  assert.deepEqual(
    (await accounts).map(({ worker }) => worker),
    [1],
  );
});
