import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerReports } from "../../src/daemon/peer-reports.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import { cluster as clusterOf, ECHO, endpoint } from "../resource/cluster-builder.ts";

const START_MS = 1_000;

function rig() {
  const endpoints = [0, 1, 2].map((n) => endpoint(n));
  const cluster = clusterOf(endpoints);
  const slots = new SlotRegistry({ workerCount: 1 }).assign(cluster);
  const snapshot = new ClusterSnapshot(encodeClusterSnapshot(cluster, slots));
  const counters = new EndpointCounters(1);
  const published = { clusters: [{ cluster, snapshot, counters: new ClusterCounters(1) }] };
  const reports = new PeerReports(published, counters, () => START_MS);
  // What a worker sees: the same memory, opened again.
  const { measures } = new EndpointCounters(1, counters.buffers);
  return {
    reports,
    measures,
    keys: endpoints.map(({ key }) => key),
    slot: (n: number) => snapshot.slotAt(n),
  };
}

test("what peers have in flight is seen by workers at the endpoint it was reported for", () => {
  const { reports, measures, keys, slot } = rig();
  const taken = reports.take(
    ECHO,
    [
      { endpointKey: keys[0]!, streams: 7 },
      { endpointKey: keys[2]!, streams: 0 },
    ],
    0,
  );
  assert.equal(taken, 2);
  assert.deepEqual(
    [0, 1, 2].map((n) => measures.peersOf(slot(n), START_MS)),
    [7, 0, 0],
  );
  reports.take(ECHO, [{ endpointKey: keys[0]!, streams: 3 }], 0);
  assert.equal(measures.peersOf(slot(0), START_MS), 3);
});

test("a report that is not repeated is forgotten within a second", () => {
  const { reports, measures, keys, slot } = rig();
  reports.take(ECHO, [{ endpointKey: keys[0]!, streams: 100 }], 0);
  const later = (ms: number): number => measures.peersOf(slot(0), START_MS + ms);
  assert.ok(later(50) > 70 && later(500) < 10 && later(5_000) < 0.01);
});

test("the older a report is, the less picks go by it", () => {
  const { reports, measures, keys, slot } = rig();
  reports.take(ECHO, [{ endpointKey: keys[0]!, streams: 100 }], 900);
  assert.ok(measures.peersOf(slot(0), START_MS) < 2);
  assert.equal(measures.peersReported(slot(0)), 100);
});

test("unknown clusters and endpoints, and what is no number of streams, are left out", () => {
  const { reports, measures, keys, slot } = rig();
  assert.equal(reports.take("nobody.test:1", [{ endpointKey: keys[0]!, streams: 1 }], 0), 0);
  const odd = [-1, Number.NaN, Number.POSITIVE_INFINITY].map((streams) => ({
    endpointKey: keys[0]!,
    streams,
  }));
  assert.equal(reports.take(ECHO, [...odd, { endpointKey: "gone", streams: 1 }], 0), 0);
  assert.equal(measures.peersOf(slot(0), START_MS), 0);
});
