import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedOutcomes, TrialGate } from "../../src/lb/outlier/shared-outcomes.ts";
import type { ClusterRuntime } from "../../src/proxy/cluster-runtime.ts";
import { OutlierWatch } from "../../src/proxy/outlier-watch.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../src/resource/outlier-detection.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { ClusterColumn, ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";

/** Two workers' watches over one cluster of so many endpoints. */
function twoWorkers(count: number, maxEjectionShare = 0.5) {
  const outlierDetection = { ...OUTLIER_DETECTION_DEFAULTS, maxEjectionShare };
  const source = cluster(
    Array.from({ length: count }, (_, n) => endpoint(n)),
    { settings: clusterSettings({ outlierDetection }) },
  );
  const registry = new SlotRegistry({ workerCount: 2 });
  const snapshot = new ClusterSnapshot(encodeClusterSnapshot(source, registry.assign(source)));
  const endpoints = new EndpointCounters(2);
  const outcomes = new SharedOutcomes(2);
  const counters = new ClusterCounters(2);
  let rebuilt = 0;
  const watches = [0, 1].map((worker) => {
    const watch = new OutlierWatch(endpoints, outcomes, worker);
    const rebuild = () => {
      rebuilt++;
    };
    watch.apply({
      snapshot,
      row: counters.row(worker),
      rebuild,
    } as Partial<ClusterRuntime> as ClusterRuntime);
    return watch;
  });
  const fail = (worker: number, slot: number, times: number, lost = false) => {
    for (let i = 0; i < times; i++) watches[worker]!.failed(snapshot.clusterSlot, slot, lost, 1_000);
  };
  const ejected = (slot: number) => (endpoints.asideReasons(slot) & SetAside.outlier) !== 0;
  const rebuilds = () => rebuilt;
  return { snapshot, endpoints, outcomes, counters, watches, fail, ejected, rebuilds };
}

describe("a worker's watch over answers", () => {
  it("sets an endpoint aside with the fifth failure in a row, for a second of its own", () => {
    const { snapshot, watches, fail, ejected, outcomes, rebuilds } = twoWorkers(4);
    const slot = snapshot.slotAt(1);
    fail(0, slot, 4);
    watches[0]!.succeeded(snapshot.clusterSlot, slot, 1, 1_000);
    fail(0, slot, 4);
    assert.ok(!ejected(slot));
    fail(1, slot, 4);
    assert.ok(!ejected(slot), "each worker counts for itself");
    fail(0, slot, 1);
    assert.ok(ejected(slot));
    assert.equal(outcomes.trips(slot), 1);
    assert.equal(rebuilds(), 1);
    watches[0]!.sample(1_900);
    assert.ok(ejected(slot));
    watches[0]!.sample(2_001);
    assert.ok(!ejected(slot), "the main thread has not made it one of all");
  });

  it("lets errors that requests may cause neither begin nor end a row of failures, and counts them in rates", () => {
    const { snapshot, watches, fail, ejected, outcomes } = twoWorkers(4);
    const slot = snapshot.slotAt(0);
    const err = (times: number) => {
      for (let i = 0; i < times; i++) watches[0]!.erred(snapshot.clusterSlot, slot, 1_000);
    };
    err(50);
    assert.ok(!ejected(slot));
    assert.equal(outcomes.failures(slot), 50);
    fail(0, slot, 4);
    err(3);
    assert.ok(!ejected(slot));
    fail(0, slot, 1);
    assert.ok(ejected(slot));
  });

  it("counts a broken connection once, and a healthy cap of what all workers have ejected", () => {
    const { snapshot, fail, ejected, counters } = twoWorkers(4);
    const [a, b, c] = [0, 1, 2].map((i) => snapshot.slotAt(i)) as [number, number, number];
    fail(0, a, 50, true);
    assert.ok(!ejected(a));
    fail(0, a, 5);
    fail(1, b, 5);
    fail(0, c, 5);
    fail(1, c, 5);
    assert.deepEqual([a, b, c].map(ejected), [true, true, false]);
    assert.equal(counters.sum(ClusterColumn.ejectionsRefused), 2);
  });

  it("never ejects the last one, or any where none may be", () => {
    const one = twoWorkers(1, 1);
    one.fail(0, one.snapshot.slotAt(0), 20);
    assert.ok(!one.ejected(one.snapshot.slotAt(0)));
    const none = twoWorkers(4, 0);
    none.fail(0, none.snapshot.slotAt(0), 20);
    assert.ok(!none.ejected(none.snapshot.slotAt(0)));
  });

  it("gives a trial to one request of one worker", () => {
    const { snapshot, outcomes, watches } = twoWorkers(4);
    const slot = snapshot.slotAt(2);
    outcomes.setGate(slot, TrialGate.open);
    for (const watch of watches) {
      assert.equal(watch.trialCount, 0);
      watch.sample(1_000);
      assert.equal(watch.trialCount, 1);
    }
    const taken = [0, 1, 0, 1].map((worker) => watches[worker]!.takeTrial(snapshot.clusterSlot));
    assert.deepEqual(taken, [slot, -1, -1, -1]);
    outcomes.setGate(slot, TrialGate.closed);
    watches[0]!.sample(1_250);
    assert.equal(watches[0]!.trialCount, 0);
  });
});
