import assert from "node:assert/strict";
import { test } from "node:test";
import { subsetOf } from "../../../src/lb/subset/subset-of.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import type { FleetMember } from "../../../src/xds/load/fleet-roster.ts";
import { FleetRoster } from "../../../src/xds/load/fleet-roster.ts";
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

test("a node that joins or leaves moves at most 2 % of a fleet's subset entries, where nodes are five times as many as endpoints", () => {
  for (const [proxies, endpoints] of [
    [1_000, 20],
    [1_000, 200],
    [300, 50],
    [100, 20],
  ] as const) {
    const snapshot = snapshotOf(endpoints);
    let worst = 0;
    for (const extra of ["x-1", "x-2", "x-3"]) {
      const before = rosterOf(nodes(proxies));
      const after = rosterOf([...nodes(proxies), node(extra)]);
      const [joins, leaves] = [
        movedShare(snapshot, before, after, nodes(proxies)),
        movedShare(snapshot, after, before, nodes(proxies)),
      ];
      worst = Math.max(worst, joins, leaves);
    }
    assert.ok(worst <= 0.02, `${proxies} nodes, ${endpoints} endpoints: ${(worst * 100).toFixed(2)} %`);
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

/** @returns how many (proxy, endpoint) pairs are new or gone, whichever are more, of those there were. */
function movedShare(
  snapshot: ClusterSnapshot,
  before: FleetRoster,
  after: FleetRoster,
  members: readonly FleetMember[],
): number {
  let gone = 0;
  let fresh = 0;
  let all = 0;
  for (const { nodeId } of members) {
    const [was, is] = [before, after].map((roster) => {
      const { index, count } = roster.find(nodeId)!;
      const place = { node: nodeId, zone: "", region: "" };
      return subsetOf(snapshot, place, { nodeIndex: index, nodeCount: count });
    });
    for (let index = 0; index < snapshot.count; index++) {
      const had = was?.(index) ?? true;
      const has = is?.(index) ?? true;
      if (had) all++;
      if (had && !has) gone++;
      if (has && !had) fresh++;
    }
  }
  return Math.max(gone, fresh) / all;
}
