import assert from "node:assert/strict";
import { test } from "node:test";
import { buildTiers } from "../../../src/lb/build-tiers.ts";
import { AssignmentCache } from "../../../src/lb/subset/assignment-cache.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import type { FleetMember } from "../../../src/xds/load/fleet-roster.ts";
import { FleetRoster } from "../../../src/xds/load/fleet-roster.ts";
import { decodeNodeView, encodeNodeView } from "../../../src/xds/resources/node-view.ts";
import { cluster, endpoint } from "../../resource/cluster-builder.ts";

const GRACE_MS = 30_000;

const node = (nodeId: string, zone = "a"): FleetMember => ({ nodeId, region: "r", zone });
const nodes = (count: number): FleetMember[] =>
  Array.from({ length: count }, (_, n) => node(`node-${n}`, ["a", "b", "c"][n % 3]));

function rosterOf(members: Iterable<FleetMember>): FleetRoster {
  const roster = new FleetRoster(GRACE_MS);
  roster.update(members, 0);
  return roster;
}

test("each proxy has a place of its own, in the fleet and in its zone", () => {
  const roster = rosterOf(nodes(9));
  const views = nodes(9).map(({ nodeId }) => roster.find(nodeId)!);
  assert.deepEqual(views.map(({ index }) => index).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.ok(views.every(({ count, zoneCount }) => count === 9 && zoneCount === 3));
  for (const zone of ["a", "b", "c"]) {
    const inZone = views.filter((view) => view.zone === zone).map(({ zoneIndex }) => zoneIndex);
    assert.deepEqual(inZone.sort(), [0, 1, 2]);
  }
});

test("who knows the same nodes gives the same places, whatever it knew before", () => {
  const one = rosterOf(nodes(50));
  const other = new FleetRoster(GRACE_MS);
  other.update([node("gone"), ...nodes(20)], 0);
  other.update(nodes(50).reverse(), GRACE_MS + 1);
  for (const { nodeId } of nodes(50)) assert.deepEqual(other.find(nodeId), one.find(nodeId));
});

test("it says whose place is another one", () => {
  const roster = rosterOf([node("n1")]);
  assert.deepEqual(roster.update([node("n1")], 1), []);
  assert.deepEqual([...roster.update([node("n1"), node("n2")], 2)].sort(), ["n1", "n2"]);
  assert.deepEqual(roster.update([node("n1"), node("n2")], 3), []);
});

test("a proxy that restarts keeps its place, and one that is gone for long has none", () => {
  const roster = rosterOf(nodes(10));
  assert.deepEqual(roster.update(nodes(9), GRACE_MS), []);
  const changed = roster.update(nodes(9), 2 * GRACE_MS + 1);
  assert.ok(changed.includes("node-9"));
  assert.equal(roster.find("node-9"), undefined);
  assert.equal(roster.find("node-0")!.count, 9);
});

/** Nodes, endpoints. */
const SIZES = [
  [1_000, 20],
  [300, 50],
  [100, 20],
  [100, 100],
  [100, 300],
  [100, 1_000],
  [60, 60],
  [80, 400],
  [200, 200],
] as const;

test("a node that joins or leaves moves at most 2 % of a fleet's subset entries, however many endpoints there are for each node", () => {
  for (const [proxies, endpoints] of SIZES) {
    const snapshot = snapshotOf(endpoints);
    const before = subsetsOf(snapshot, rosterOf(nodes(proxies)), nodes(proxies));
    let worst = 0;
    for (const extra of ["x-1", "x-2"]) {
      const after = subsetsOf(snapshot, rosterOf([...nodes(proxies), node(extra)]), nodes(proxies));
      worst = Math.max(worst, movedShare(before, after), movedShare(after, before));
    }
    assert.ok(worst <= 0.02, `${proxies} nodes, ${endpoints} endpoints: ${(worst * 100).toFixed(2)} %`);
  }
});

test("of a small fleet it moves about what one proxy has", () => {
  for (const [proxies, endpoints] of [
    [5, 100],
    [10, 100],
    [20, 30],
    [20, 400],
  ] as const) {
    const snapshot = snapshotOf(endpoints);
    const before = subsetsOf(snapshot, rosterOf(nodes(proxies)), nodes(proxies));
    const after = subsetsOf(snapshot, rosterOf([...nodes(proxies), node("x-1")]), nodes(proxies));
    const moved = movedShare(before, after);
    assert.ok(moved <= 1.5 / proxies, `${proxies} nodes, ${endpoints} endpoints: ${moved}`);
  }
});

test("whatever their numbers, equal proxies load the endpoints evenly within 5 %", () => {
  for (const [proxies, endpoints] of SIZES) {
    const load = new Float64Array(endpoints);
    for (const weights of subsetsOf(snapshotOf(endpoints), rosterOf(nodes(proxies)), nodes(proxies))) {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, index) => {
        load[index]! += weight / total;
      });
    }
    const [least, most] = [Math.min(...load), Math.max(...load)].map((one) => (one * endpoints) / proxies);
    assert.ok(least! > 0.95 && most! < 1.05, `${proxies} nodes, ${endpoints} endpoints: ${least} to ${most}`);
  }
});

function snapshotOf(count: number): ClusterSnapshot {
  const subset = { enabled: true, minEndpoints: 10, coverage: 2 };
  const settings = clusterSettings({ loadBalancing: { subset } });
  const source = cluster(
    Array.from({ length: count }, (_, n) => endpoint(n)),
    { settings },
  );
  return new ClusterSnapshot(
    encodeClusterSnapshot(source, new SlotRegistry({ workerCount: 1 }).assign(source)),
  );
}

/** @returns by proxy and endpoint the weight with which it is used, 0 for not at all. */
function subsetsOf(
  snapshot: ClusterSnapshot,
  roster: FleetRoster,
  members: readonly FleetMember[],
): Float64Array[] {
  const assignments = new AssignmentCache();
  return members.map(({ nodeId }) => {
    // As they come over xDS.
    const { value } = decodeNodeView(encodeNodeView(roster.find(nodeId)!));
    const { index, count, members: hashes } = value!;
    const fleet = { nodeIndex: index, nodeCount: count, members: hashes };
    const place = { node: nodeId, zone: "", region: "" };
    const [tier] = buildTiers(snapshot, place, undefined, { fleet, assignments }).tiers;
    const weights = new Float64Array(snapshot.count);
    tier!.indexes.forEach((each, i) => {
      weights[each] = tier!.weights[i]!;
    });
    return weights;
  });
}

/** @returns how many (proxy, endpoint) pairs are new or gone, whichever are more, of those there were. */
function movedShare(before: readonly Float64Array[], after: readonly Float64Array[]): number {
  let gone = 0;
  let fresh = 0;
  let all = 0;
  before.forEach((weights, proxy) => {
    weights.forEach((weight, index) => {
      const has = after[proxy]![index]! > 0;
      if (weight > 0) all++;
      if (weight > 0 && !has) gone++;
      if (weight === 0 && has) fresh++;
    });
  });
  return Math.max(gone, fresh) / all;
}
