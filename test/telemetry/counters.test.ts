import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { ClusterLoads } from "../../src/lb/load/cluster-loads.ts";
import { POLICY_DROP_REASONS } from "../../src/lb/module/policy-watch.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { MAX_ENDPOINT_SLOTS } from "../../src/resource/slot-registry.ts";
import {
  CLUSTER_COUNTER_COLUMNS,
  ClusterColumn,
  ClusterCounters,
} from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import { OTHER_SOURCE } from "../../src/telemetry/source-names.ts";
import { errorCodeCell, WORKER_COUNTER_COLUMNS, WorkerColumn } from "../../src/telemetry/worker-counters.ts";

test("rows lie on cache lines of their own", () => {
  const counters = new ClusterCounters(3);
  assert.equal((counters.stride * 8) % 64, 0);
  // What the main thread counts comes after the three workers' rows, in two lines.
  assert.equal(counters.buffer.byteLength, counters.stride * 8 * 3 + 128);
  assert.equal(counters.row(2).byteOffset, counters.stride * 16);
});

test("what the main thread counts is in the sums, and the workers' rows are not", () => {
  const counters = new ClusterCounters(2);
  const opened = new ClusterCounters(2, counters.buffer);
  const { ejections, ejectionsRefused, healthChecks, attempts } = ClusterColumn;
  for (const column of [ejections, ejections + 3, ejectionsRefused, healthChecks, healthChecks + 3])
    counters.countOnMain(column);
  opened.row(1)[ejectionsRefused]!++;
  opened.row(1)[attempts]!++;
  assert.deepEqual(
    [ejections, ejections + 1, ejections + 3, ejectionsRefused, healthChecks, healthChecks + 3, attempts].map(
      (column) => [counters.onMain(column), opened.sum(column)],
    ),
    [
      [1, 1],
      [0, 0],
      [1, 1],
      [1, 2],
      [1, 1],
      [1, 1],
      [0, 1],
    ],
  );
  const whole = new Float64Array(counters.buffer);
  assert.equal(
    whole.reduce((sum, each) => sum + each, 0),
    7,
    "nothing is counted anywhere else",
  );
});

test("memory of another shape is refused", () => {
  const { buffer } = new ClusterCounters(2);
  assert.throws(() => new ClusterCounters(3, buffer), /counter rows: found \d+ octets, wanted \d+/);
});

test("the last column of each layout is its last cell", () => {
  const lastOf = (columns: Readonly<Record<string, number>>) => Math.max(...Object.values(columns));
  const { sources, ...always } = ClusterColumn;
  assert.equal(CLUSTER_COUNTER_COLUMNS - lastOf(always), 1);
  assert.equal(sources, CLUSTER_COUNTER_COLUMNS, "what is counted by source follows, where it is");
  assert.equal(WORKER_COUNTER_COLUMNS - lastOf(WorkerColumn), OTHER_SOURCE + 1);
  assert.ok(WorkerColumn.sourceWaitMs - WorkerColumn.policiesDropped >= POLICY_DROP_REASONS.length);
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

test("a slot's new owner finds nothing of what the former one was seen to be, in any row", () => {
  const counters = new EndpointCounters(2);
  const { measures } = counters;
  const [slot, other] = [9, 10];
  for (const each of [slot, other]) {
    for (const row of [0, 1, measures.mainRow]) {
      measures.began(row, each, 1_000);
      measures.observeLatency(row, each, 40, 1_040);
    }
    measures.peerInFlight(each, 3, 1_040);
    measures.rampFrom(each, 1_000);
    counters.markAside(counters.rowStart(1), each, SetAside.connect, true);
    assert.ok(counters.claimReports(counters.rowStart(0), each));
  }
  counters.clearSlot(slot);
  const seen = (each: number) => [
    measures.costMs(each, 1_040) > 0,
    measures.peersOf(each, 1_040) > 0,
    measures.ramps[each]! > 0,
    counters.isSetAside(each),
    !counters.claimReports(counters.rowStart(0), each),
  ];
  assert.deepEqual(seen(slot), [false, false, false, false, false]);
  assert.deepEqual(seen(other), [true, true, true, true, true]);
  assert.equal(counters.nothingAside, false, "the other one is");
});

test("slots that get new owners take no memory where the former ones were never called", () => {
  const slots = 60_000;
  const counters = new EndpointCounters(1);
  // What runs for the first time takes memory for itself.
  counters.clearSlot(slots);
  const before = process.memoryUsage.rss();
  for (let slot = 0; slot < slots; slot++) counters.clearSlot(slot);
  const grown = process.memoryUsage.rss() - before;
  // Zeros written over all of them would be 21 MB.
  assert.ok(grown < 8 * 2 ** 20, `${(grown / 2 ** 20).toFixed(1)} MB`);
});
