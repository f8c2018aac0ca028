import assert from "node:assert/strict";
import { test } from "node:test";
import { buildTiers } from "../../../src/lb/build-tiers.ts";
import { LeftOut } from "../../../src/lb/left-out.ts";
import { AssignmentCache } from "../../../src/lb/subset/assignment-cache.ts";
import { subsetOf } from "../../../src/lb/subset/subset-of.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import type { Endpoint } from "../../../src/resource/endpoint.ts";
import type { Fleet } from "../../../src/resource/fleet.ts";
import type { LoadBalancing } from "../../../src/resource/load-balancing.ts";
import { SetAside } from "../../../src/resource/set-aside.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../../resource/cluster-builder.ts";

const NOWHERE = { node: "", zone: "", region: "" };
const none = (): number => 0;

function snapshotOf(endpoints: readonly Endpoint[], changes: Partial<LoadBalancing> = {}): ClusterSnapshot {
  const subset = { enabled: true, minEndpoints: 10, coverage: 2 };
  const source = cluster(endpoints, { settings: clusterSettings({ loadBalancing: { subset, ...changes } }) });
  return new ClusterSnapshot(
    encodeClusterSnapshot(source, new SlotRegistry({ workerCount: 1 }).assign(source)),
  );
}

const many = (count: number, change: (n: number) => Partial<Endpoint> = () => ({})) =>
  Array.from({ length: count }, (_, n) => endpoint(n, change(n)));

/** By snapshot and number of proxies: what is the same for all of them. */
const assignmentsOf = new WeakMap<ClusterSnapshot, Map<number, AssignmentCache>>();

/** What a proxy gives each endpoint of its traffic, by index in the snapshot, together 1. */
function given(snapshot: ClusterSnapshot, fleet: Fleet, place = NOWHERE): Float64Array {
  let assignments = assignmentsOf.get(snapshot)?.get(fleet.nodeCount);
  if (assignments === undefined) {
    assignments = new AssignmentCache();
    const known = assignmentsOf.get(snapshot) ?? new Map<number, AssignmentCache>();
    assignmentsOf.set(snapshot, known.set(fleet.nodeCount, assignments));
  }
  const [tier] = buildTiers(snapshot, place, none, { fleet, assignments }).tiers;
  const total = tier!.weights.reduce((sum, weight) => sum + weight, 0);
  const shares = new Float64Array(snapshot.count);
  tier!.indexes.forEach((index, i) => {
    shares[index] = tier!.weights[i]! / total;
  });
  return shares;
}

/** Endpoints of a proxy by key. */
function keysOf(snapshot: ClusterSnapshot, fleet: Fleet): Set<string> {
  const shares = given(snapshot, fleet);
  return new Set(
    [...shares.keys()].filter((index) => shares[index]! > 0).map((index) => snapshot.keyAt(index)),
  );
}

/** Load of the busiest and of the idlest endpoint relative to the mean, when proxies send by these shares of the traffic. */
function spread(
  snapshot: ClusterSnapshot,
  traffic: readonly number[],
  tellTraffic: boolean,
): readonly [number, number] {
  const load = new Float64Array(snapshot.count);
  traffic.forEach((share, nodeIndex) => {
    const fleet = { nodeIndex, nodeCount: traffic.length, ...(tellTraffic ? { trafficShare: share } : {}) };
    given(snapshot, fleet).forEach((part, index) => {
      load[index]! += share * part;
    });
  });
  const relative = load.map((one, index) => {
    const weights = Array.from({ length: snapshot.count }, (_, i) => snapshot.weightAt(i));
    return (one * weights.reduce((sum, weight) => sum + weight, 0)) / weights[index]!;
  });
  return [Math.min(...relative), Math.max(...relative)];
}

test("every proxy of a fleet gets a part, and the load on the endpoints is even within 5 %", () => {
  for (const [endpoints, proxies] of [
    [100, 100],
    [97, 31],
    [1_000, 40],
    [23, 7],
    [60, 500],
    [20, 90],
    [200, 1_000],
  ] as const) {
    const even = Array.from({ length: proxies }, () => 1 / proxies);
    const [least, most] = spread(snapshotOf(many(endpoints)), even, false);
    assert.ok(least > 0.95 && most < 1.05, `${endpoints} endpoints, ${proxies} proxies: ${least} to ${most}`);
  }
});

test("endpoints of different weights get load by their weight", () => {
  const snapshot = snapshotOf(many(50, (n) => ({ weight: 1 + (n % 4) })));
  const [least, most] = spread(
    snapshot,
    Array.from({ length: 40 }, () => 1 / 40),
    false,
  );
  assert.ok(least > 0.95 && most < 1.05, `${least} to ${most}`);
});

test("a proxy with much of the traffic gets a slice as much larger", () => {
  const snapshot = snapshotOf(many(200));
  const count = (trafficShare: number) =>
    keysOf(snapshot, { nodeIndex: 0, nodeCount: 100, trafficShare }).size;
  assert.deepEqual([count(0.01), count(0.02), count(0.05)], [10, 20, 50]);
  assert.equal(count(0.3), 200);
  assert.equal(count(0.0001), 10);
});

test("one proxy with 30 % of the traffic leaves the load even within 10 %", () => {
  const traffic = Array.from({ length: 100 }, (_, n) => (n === 40 ? 0.3 : 0.7 / 99));
  const [least, most] = spread(snapshotOf(many(100)), traffic, true);
  assert.ok(least > 0.9 && most < 1.1, `${least} to ${most}`);
});

test("proxies times subset is never less than the coverage asks for", () => {
  for (const [endpoints, proxies] of [
    [100, 10],
    [1_000, 3],
    [40, 4],
  ] as const) {
    const snapshot = snapshotOf(many(endpoints));
    const used = new Float64Array(endpoints);
    for (let nodeIndex = 0; nodeIndex < proxies; nodeIndex++)
      given(snapshot, { nodeIndex, nodeCount: proxies }).forEach((part, index) => {
        if (part > 0) used[index]!++;
      });
    assert.ok(Math.min(...used) >= 2, `${endpoints} endpoints, ${proxies} proxies: ${Math.min(...used)}`);
  }
});

test("few endpoints, one proxy, or no fleet: everything is used", () => {
  const snapshot = snapshotOf(many(9));
  assert.equal(keysOf(snapshot, { nodeIndex: 3, nodeCount: 100 }).size, 9);
  assert.equal(keysOf(snapshotOf(many(100)), { nodeIndex: 0, nodeCount: 1 }).size, 100);
  assert.equal(buildTiers(snapshotOf(many(100)), NOWHERE, none).tiers[0]!.count, 100);
});

test("one endpoint more or less changes a few of a subset", () => {
  const before = snapshotOf(many(200));
  for (const after of [snapshotOf(many(201)), snapshotOf(many(200).toSpliced(77, 1))]) {
    for (let nodeIndex = 0; nodeIndex < 50; nodeIndex++) {
      const fleet = { nodeIndex, nodeCount: 50 };
      const old = keysOf(before, fleet);
      const fresh = [...keysOf(after, fleet)].filter((key) => !old.has(key));
      assert.ok(fresh.length <= 2, `proxy ${nodeIndex}: ${fresh.length} new of ${old.size}`);
    }
  }
});

test("one proxy more changes hardly anything of the subsets, if it comes last", () => {
  const snapshot = snapshotOf(many(200));
  let fresh = 0;
  let all = 0;
  for (let nodeIndex = 0; nodeIndex < 100; nodeIndex++) {
    const old = keysOf(snapshot, { nodeIndex, nodeCount: 100 });
    const now = keysOf(snapshot, { nodeIndex, nodeCount: 101 });
    const changed = [...now].filter((key) => !old.has(key)).length;
    assert.ok(changed <= 2, `proxy ${nodeIndex}: ${changed}`);
    fresh += changed;
    all += now.size;
  }
  assert.ok(fresh / all < 0.02, `${fresh} of ${all}`);
});

test("with zones each proxy takes its slice of its own zone's endpoints", () => {
  const snapshot = snapshotOf(many(120, (n) => ({ zone: n % 3 === 0 ? "zone-a" : "zone-b" })));
  const here = { node: "", zone: "zone-a", region: "" };
  const load = new Float64Array(snapshot.count);
  for (let zoneIndex = 0; zoneIndex < 30; zoneIndex++) {
    const fleet = { nodeIndex: zoneIndex * 3, nodeCount: 90, zoneIndex, zoneCount: 30 };
    const { tiers } = buildTiers(snapshot, here, none, { fleet });
    assert.deepEqual(
      tiers.map(({ tier }) => tier),
      ["zone", "any"],
    );
    assert.ok(tiers[0]!.count >= 10 && tiers[0]!.count <= 13, `proxy ${zoneIndex}: ${tiers[0]!.count}`);
    given(snapshot, fleet, here).forEach((part, index) => {
      load[index]! += part / 30;
    });
  }
  const local = [...load].filter((_, index) => snapshot.zoneAt(index) === "zone-a");
  assert.ok(Math.min(...local) * 40 > 0.95 && Math.max(...local) * 40 < 1.05);
});

test("without its place in the zone a proxy uses all of a zone", () => {
  const snapshot = snapshotOf(many(100));
  const here = { node: "", zone: "zone-a", region: "" };
  assert.equal(
    buildTiers(snapshot, here, none, { fleet: { nodeIndex: 1, nodeCount: 90 } }).tiers[0]!.count,
    100,
  );
});

test("an endpoint outside of the subset says so, and the rest of its tier counts for the tier's health", () => {
  const snapshot = snapshotOf(many(100));
  const fleet = { nodeIndex: 0, nodeCount: 100 };
  const built = buildTiers(snapshot, NOWHERE, none, { fleet });
  const outside = Array.from({ length: 100 }, (_, i) => i).filter(
    (i) => built.leftOut(i) === LeftOut.notInSubset,
  );
  assert.equal(outside.length, 90);
  const inSubset = subsetOf(snapshot, NOWHERE, fleet)!;
  assert.ok(outside.every((index) => !inSubset(index)));
});

test("a slice that is mostly sick grows until it is not", () => {
  const snapshot = snapshotOf(many(100));
  const fleet = { nodeIndex: 0, nodeCount: 100 };
  const [slice] = buildTiers(snapshot, NOWHERE, none, { fleet }).tiers;
  const sick = new Set([...slice!.slots].slice(0, 8));
  const [wider] = buildTiers(snapshot, NOWHERE, (slot) => (sick.has(slot) ? SetAside.outlier : 0), {
    fleet,
  }).tiers;
  assert.equal(wider!.count, 12);
  assert.ok([...slice!.slots].slice(8).every((slot) => wider!.slots.includes(slot)));
});
