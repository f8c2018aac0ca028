import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerReports } from "../../src/daemon/peer-reports.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import { endpointHash } from "../../src/xds/resources/service-view.ts";
import { cluster as clusterOf, ECHO, endpoint } from "../resource/cluster-builder.ts";

const START_MS = 1_000;

function rig() {
  const endpoints = [0, 1, 2].map((n) => endpoint(n));
  const registry = new SlotRegistry({ workerCount: 1 });
  const snapshotOf = (of: typeof endpoints) => {
    const cluster = clusterOf(of);
    const snapshot = new ClusterSnapshot(encodeClusterSnapshot(cluster, registry.assign(cluster)));
    return { cluster, snapshot, counters: new ClusterCounters(1) };
  };
  let published = snapshotOf(endpoints);
  const counters = new EndpointCounters(1);
  const find = (name: string) => (name === ECHO ? published : undefined);
  const reports = new PeerReports(find, counters, () => START_MS);
  // What a worker sees: the same memory, opened again.
  const { measures } = new EndpointCounters(1, counters.buffers);
  const hashes = endpoints.map(({ address, port }) => endpointHash(address, port));
  return {
    reports,
    measures,
    streams: (...counts: number[]) => new Map(counts.map((count, n) => [hashes[n]!, count])),
    snapshot: () => published.snapshot,
    without: (n: number) => {
      published = snapshotOf(endpoints.toSpliced(n, 1));
    },
    slot: (n: number) => published.snapshot.slotAt(n),
  };
}

test("what peers have in flight is seen by workers at the endpoint it was reported for", () => {
  const { reports, measures, streams, slot } = rig();
  assert.equal(reports.take(ECHO, streams(7, 0, 2), undefined, 0), 9);
  const seen = () => [0, 1, 2].map((n) => measures.peersOf(slot(n), START_MS));
  assert.deepEqual(seen(), [7, 0, 2]);
  reports.take(ECHO, streams(3), undefined, 0);
  assert.deepEqual(seen(), [3, 0, 0]);
});

test("what this proxy has reported itself is no peer's", () => {
  const { reports, measures, streams, slot, snapshot } = rig();
  const own = { snapshot: snapshot(), inFlight: Int32Array.of(5, 1, 4) };
  reports.take(ECHO, streams(7, 1, 2), own, 0);
  assert.deepEqual(
    [0, 1, 2].map((n) => measures.peersOf(slot(n), START_MS)),
    [2, 0, 0],
  );
});

test("what it reported is taken off the same endpoints, also if there are others by now", () => {
  const { reports, measures, streams, slot, snapshot, without } = rig();
  const own = { snapshot: snapshot(), inFlight: Int32Array.of(5, 1, 4) };
  without(0);
  reports.take(ECHO, streams(7, 1, 9), own, 0);
  assert.deepEqual(
    [0, 1].map((n) => measures.peersOf(slot(n), START_MS)),
    [0, 5],
  );
});

test("a report that is not repeated is forgotten within a second", () => {
  const { reports, measures, streams, slot } = rig();
  reports.take(ECHO, streams(100), undefined, 0);
  const later = (ms: number): number => measures.peersOf(slot(0), START_MS + ms);
  assert.ok(later(50) > 70 && later(500) < 10 && later(5_000) < 0.01);
});

test("the older a report is, the less picks go by it", () => {
  const { reports, measures, streams, slot } = rig();
  reports.take(ECHO, streams(100), undefined, 900);
  assert.ok(measures.peersOf(slot(0), START_MS) < 2);
  assert.equal(measures.peersReported(slot(0)), 100);
});

test("a cluster that is not in force is passed over", () => {
  const { reports, streams } = rig();
  assert.equal(reports.take("nobody.test:1", streams(1), undefined, 0), undefined);
});
