import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { ClusterLoads } from "../../src/lb/load/cluster-loads.ts";
import { POLICY_DROP_REASONS } from "../../src/lb/module/policy-watch.ts";
import { MAX_ENDPOINT_SLOTS } from "../../src/resource/slot-registry.ts";
import {
  CLUSTER_COUNTER_COLUMNS,
  ClusterColumn,
  ClusterCounters,
} from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import { errorCodeCell, WORKER_COUNTER_COLUMNS, WorkerColumn } from "../../src/telemetry/worker-counters.ts";

test("rows lie on cache lines of their own", () => {
  const counters = new ClusterCounters(3);
  assert.equal((counters.stride * 8) % 64, 0);
  // The main thread's row comes after the three workers'.
  assert.equal(counters.buffer.byteLength, counters.stride * 8 * 4);
  assert.equal(counters.row(2).byteOffset, counters.stride * 16);
});

test("memory of another shape is refused", () => {
  const { buffer } = new ClusterCounters(2);
  assert.throws(() => new ClusterCounters(3, buffer), /counter rows: found \d+ octets, wanted \d+/);
});

test("the last column of each layout is its last cell", () => {
  const lastOf = (columns: Readonly<Record<string, number>>) => Math.max(...Object.values(columns));
  assert.equal(CLUSTER_COUNTER_COLUMNS - lastOf(ClusterColumn), 1);
  assert.equal(WORKER_COUNTER_COLUMNS - lastOf(WorkerColumn), POLICY_DROP_REASONS.length);
});

test("error codes that are not registered share the last cell", () => {
  assert.deepEqual([0, 13, 14, 4_294_967_295, -1].map(errorCodeCell), [0, 13, 14, 14, 14]);
});

test("what a worker thread counts the main thread reads", async () => {
  const counters = new ClusterCounters(2);
  const code = `
    const { workerData } = require("node:worker_threads");
    const row = new Float64Array(workerData.buffer, workerData.offset, workerData.length);
    for (let i = 0; i < 1000; i++) row[workerData.column]++;`;
  await Promise.all(
    [0, 1].map((worker) => {
      const row = counters.row(worker);
      const workerData = {
        buffer: counters.buffer,
        offset: row.byteOffset,
        length: row.length,
        column: ClusterColumn.attempts,
      };
      return new Promise((resolve) => new Worker(code, { eval: true, workerData }).on("exit", resolve));
    }),
  );
  assert.equal(counters.sum(ClusterColumn.attempts), 2000);
});

test("loads are summed over workers, and a dead worker's are gone while its totals stay", () => {
  const counters = new EndpointCounters(2);
  const opened = new EndpointCounters(2, counters.buffers);
  const { inFlight, measures } = opened;
  const loads = new ClusterLoads({ inFlight, slots: MAX_ENDPOINT_SLOTS, measures });
  for (const worker of [0, 1]) {
    counters.inFlight[counters.rowStart(worker) + 7] = 3 + worker;
    counters.requests[counters.rowStart(worker) + 7] = 10;
    counters.errors[counters.rowStart(worker) + 7] = 1;
  }
  assert.equal(loads.inFlight(7, 1), 7);
  assert.equal(loads.inFlight(8, 1), 0);
  counters.retireRow(0);
  assert.equal(loads.inFlight(7, 1), 4);
  assert.equal(opened.inFlightOf(7), 4);
  assert.equal(opened.requestsOf(7), 20);
  assert.equal(opened.errorsOf(7), 2);
});

test("a slot that gets a new owner starts from nothing", () => {
  const counters = new EndpointCounters(2);
  const last = MAX_ENDPOINT_SLOTS - 1;
  for (const worker of [0, 1]) counters.requests[counters.rowStart(worker) + last] = 5;
  counters.setAside[last] = 1;
  counters.clearSlot(last);
  assert.deepEqual([counters.requestsOf(last), counters.setAside[last]], [0, 0]);
});
