import assert from "node:assert/strict";
import { it } from "node:test";
import { Tracing } from "../../src/daemon/tracing.ts";
import type { SpanBatch } from "../../src/proxy/tracing/span-batch.ts";
import { makeMemory, takeMemory } from "../../src/proxy/tracing/span-batch.ts";
import { until } from "../proxy/fixture/until.ts";

/** More than go into one request. */
const BATCHES: readonly SpanBatch[] = [
  { calls: 512, octets: makeMemory(2_048) },
  { calls: 88, octets: makeMemory(2_048) },
];
const CALLS = 600;
const place = { node: "n", zone: "", region: "" };

it("every traced call is sent or dropped, also those that wait at the end, and no count goes down when the collector is another", async () => {
  const tracing = new Tracing({ warn: () => {} }, place);
  // Nobody listens there.
  tracing.configure({ tracing: { endpoint: "http://127.0.0.1:1", ratio: 1 } });
  tracing.take(0, BATCHES, 5);
  // A process does not wait for it longer than two seconds.
  await tracing.flush();
  await until("all are counted", () => tracing.counts.dropped === CALLS + 5);
  tracing.configure({ tracing: { endpoint: "http://127.0.0.1:2", ratio: 1 } });
  tracing.take(0, [{ calls: 1, octets: makeMemory(2_048) }], 5);
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(tracing.counts.dropped >= CALLS + 5);
  }
  await tracing.flush();
  await until("the last one is counted", () => tracing.counts.dropped === CALLS + 6);
  assert.equal(tracing.counts.sent, 0);
  // What was not taken is given back all the same.
  for (const { octets } of BATCHES) assert.ok(takeMemory(octets));
});
