import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { ClusterColumn, ClusterCounters } from "../../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../../src/telemetry/endpoint-counters.ts";
import { LoadReader } from "../../../src/xds/client/load-reader.ts";
import { cluster as clusterOf, ECHO, endpoint } from "../../resource/cluster-builder.ts";

function rig() {
  const endpoints = [0, 1, 2].map((n) => endpoint(n, { zone: n === 2 ? "b" : "a" }));
  const registry = new SlotRegistry({ workerCount: 2 });
  const clusterCounters = new ClusterCounters(2);
  const publish = (of: typeof endpoints) => {
    const cluster = clusterOf(of);
    const snapshot = new ClusterSnapshot(encodeClusterSnapshot(cluster, registry.assign(cluster)));
    return snapshot;
  };
  let published = publish(endpoints);
  const counters = new EndpointCounters(2);
  let nowMs = 1_000;
  const reader = new LoadReader(
    (name) =>
      name === ECHO
        ? { snapshot: published, attempts: clusterCounters.sum(ClusterColumn.attempts) }
        : undefined,
    counters,
    () => nowMs,
  );
  return {
    reader,
    read: () => reader.read([ECHO]),
    pass: (ms: number) => {
      nowMs += ms;
    },
    without: (n: number) => {
      published = publish(endpoints.toSpliced(n, 1));
    },
    /** What a worker counts. */
    count: (worker: number, n: number, begun: number, ended: number, failed = 0) => {
      const cell = counters.rowStart(worker) + published.slotAt(n);
      counters.requests[cell]! += begun;
      counters.inFlight[cell]! += begun - ended;
      counters.errors[cell]! += failed;
      clusterCounters.row(worker)[ClusterColumn.attempts]! += begun;
    },
  };
}

test("what all workers have counted since the last reading is told by place and endpoint", () => {
  const { read, pass, count } = rig();
  read();
  count(0, 0, 5, 3, 1);
  count(1, 0, 2, 1);
  count(1, 2, 4, 4);
  pass(2_000);
  const [stats] = read();
  assert.deepEqual([stats!.name, stats!.intervalMs], [ECHO, 2_000]);
  assert.deepEqual(
    stats!.localities.map(({ zone, endpoints }) => [
      zone,
      endpoints.map(({ issued, successes, errors, inFlight }) => [issued, successes, errors, inFlight]),
    ]),
    [
      ["a", [[7, 3, 1, 3]]],
      ["b", [[4, 4, 0, 0]]],
    ],
  );
});

test("what ends later is told later, and a cluster that is idle is not mentioned", () => {
  const { read, pass, count } = rig();
  read();
  count(0, 0, 2, 0);
  pass(1_000);
  read();
  pass(1_000);
  const numbers = () =>
    read().flatMap(({ localities }) =>
      localities.flatMap(({ endpoints }) =>
        endpoints.map(({ issued, successes, inFlight }) => [issued, successes, inFlight]),
      ),
    );
  assert.deepEqual(numbers(), [[0, 0, 2]]);
  count(0, 0, 0, 2);
  pass(1_000);
  assert.deepEqual(numbers(), [[0, 2, 0]]);
  pass(1_000);
  assert.deepEqual(numbers(), []);
  count(0, 1, 1, 1);
  pass(1_000);
  assert.deepEqual(numbers(), [[1, 1, 0]]);
});

test("counts follow their endpoints through an update, and a new one begins at nothing", () => {
  const { read, pass, count, without } = rig();
  read();
  count(0, 1, 3, 3);
  count(0, 2, 5, 5);
  pass(1_000);
  read();
  without(0);
  count(0, 1, 2, 2);
  pass(1_000);
  const told = read().flatMap(({ localities }) =>
    localities.map(({ zone, endpoints }) => [zone, endpoints[0]!.issued]),
  );
  assert.deepEqual(told, [["b", 2]]);
});

test("what was sent in flight is known by when it was sent, and what was not sent is nothing", () => {
  const { reader, read, pass, count } = rig();
  assert.equal(reader.sentOf(ECHO, 1_000), undefined);
  read();
  count(0, 0, 3, 0);
  pass(1_000);
  read();
  count(0, 0, 1, 0);
  pass(1_000);
  read();
  assert.equal(reader.sentOf(ECHO, 3_000)!.inFlight[0], 4);
  assert.equal(reader.sentOf(ECHO, 2_999)!.inFlight[0], 3);
  assert.equal(reader.rateOf(ECHO), 1);
  reader.forget();
  assert.equal(reader.sentOf(ECHO, 3_000), undefined);
});
