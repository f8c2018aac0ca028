import assert from "node:assert/strict";
import { test } from "node:test";
import { buildTiers } from "../../src/lb/build-tiers.ts";
import { LeftOut } from "../../src/lb/left-out.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import type { LoadBalancing, LocalitySettings } from "../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";

const HERE = { node: "node-1", zone: "zone-a", region: "west" };
const none = (): number => 0;

function snapshotOf(
  endpoints: readonly Endpoint[],
  locality: Partial<LocalitySettings> = {},
  changes: Partial<LoadBalancing> = {},
): ClusterSnapshot {
  const settings = clusterSettings({
    loadBalancing: { locality: { ...LOAD_BALANCING_DEFAULTS.locality, ...locality }, ...changes },
  });
  const source = cluster(endpoints, { settings });
  return new ClusterSnapshot(
    encodeClusterSnapshot(source, new SlotRegistry({ workerCount: 1 }).assign(source)),
  );
}

/** An endpoint on a node, in a zone, in a region. */
const at = (n: number, zone: string, region: string, changes: Partial<Endpoint> = {}) =>
  endpoint(n, { zone, region, ...changes });

const NEAR_AND_FAR = [
  at(0, "zone-c", "east"),
  at(1, "zone-a", "west", { node: "node-1" }),
  at(2, "zone-b", "west"),
  at(3, "zone-a", "west", { node: "node-2" }),
];

/** By tier: its name and the indexes of its candidates. */
function shape({ tiers }: ReturnType<typeof buildTiers>): unknown[] {
  return tiers.map(({ tier, indexes }) => [tier, ...indexes]);
}

test("endpoints of the zone come first, then those of the region, then all others", () => {
  const built = buildTiers(snapshotOf(NEAR_AND_FAR), HERE, none);
  assert.deepEqual(shape(built), [
    ["zone", 1, 3],
    ["region", 2],
    ["any", 0],
  ]);
  assert.deepEqual([...built.shares], [1, 0, 0]);
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => built.tierAt(index)),
    [2, 0, 1, 0],
  );
});

test("PreferSameNode puts the endpoints of the node before those of the zone", () => {
  const snapshot = snapshotOf(NEAR_AND_FAR, { distribution: "PreferSameNode" });
  assert.deepEqual(shape(buildTiers(snapshot, HERE, none)), [
    ["node", 1],
    ["zone", 3],
    ["region", 2],
    ["any", 0],
  ]);
});

test("none makes one tier of all, and says which candidates are local", () => {
  const { tiers } = buildTiers(snapshotOf(NEAR_AND_FAR, { distribution: "none" }), HERE, none);
  assert.deepEqual([tiers.length, tiers[0]!.tier, tiers[0]!.count, tiers[0]!.localCount], [1, "any", 4, 2]);
});

test("a proxy without a zone, and an endpoint without one, are near to nothing", () => {
  const nowhere = buildTiers(snapshotOf(NEAR_AND_FAR), { node: "", zone: "", region: "" }, none);
  assert.deepEqual(shape(nowhere), [["any", 0, 1, 2, 3]]);
  const unknown = [at(0, "", ""), at(1, "zone-a", "west")];
  assert.deepEqual(shape(buildTiers(snapshotOf(unknown), HERE, none)), [
    ["zone", 1],
    ["any", 0],
  ]);
});

test("a priority comes before any distance: the next one is for what the first cannot take", () => {
  const endpoints = [at(0, "zone-a", "west", { priority: 1 }), at(1, "zone-c", "east")];
  const built = buildTiers(snapshotOf(endpoints), HERE, none);
  assert.deepEqual(shape(built), [
    ["any", 1],
    ["zone", 0],
  ]);
  assert.deepEqual([...built.shares], [1, 0]);
});

test("a zone that is half sick keeps 7 of 10 requests", () => {
  const sick = { health: "unhealthy" } as const;
  const endpoints = [at(0, "zone-a", "west", sick), at(1, "zone-a", "west"), at(2, "zone-b", "west")];
  const built = buildTiers(snapshotOf(endpoints), HERE, none);
  assert.deepEqual(shape(built), [
    ["zone", 1],
    ["region", 2],
  ]);
  assert.ok(Math.abs(built.shares[0]! - 0.7) < 1e-9 && Math.abs(built.shares[1]! - 0.3) < 1e-9);
  assert.equal(built.leftOut(0), LeftOut.unhealthy);
});

test("strict stays in the nearest place that has endpoints, even where none of them is well", () => {
  const sick = { health: "unhealthy" } as const;
  const snapshot = snapshotOf([at(0, "zone-a", "west", sick), at(1, "zone-b", "west")], { strict: true });
  const built = buildTiers(snapshot, HERE, none);
  assert.deepEqual(shape(built), [["zone", 0]]);
  assert.equal(built.tiers[0]!.panic, true);
  assert.equal(built.leftOut(1), LeftOut.further);
});

test("OnlySameNode has nothing but the node's own endpoints, and nothing at all where it has none", () => {
  const own = at(0, "zone-a", "west", { node: "node-1" });
  const others = [at(1, "zone-a", "west", { node: "node-2" }), at(2, "zone-b", "west")];
  const built = buildTiers(snapshotOf([own, ...others], { distribution: "OnlySameNode" }), HERE, none);
  assert.deepEqual(shape(built), [["node", 0]]);
  assert.equal(built.leftOut(1), LeftOut.further);
  const empty = buildTiers(snapshotOf(others, { distribution: "OnlySameNode" }), HERE, none);
  assert.deepEqual(
    empty.tiers.map(({ count }) => count),
    [0],
  );
  const nowhere = buildTiers(
    snapshotOf([at(0, "zone-a", "west")], { distribution: "OnlySameNode" }),
    { ...HERE, node: "" },
    none,
  );
  assert.deepEqual(
    nowhere.tiers.map(({ count }) => count),
    [0],
  );
});

test("leaving endpoints get nothing while another is healthy, however far", () => {
  const leaving = { health: "draining" } as const;
  const built = buildTiers(
    snapshotOf([at(0, "zone-a", "west", leaving), at(1, "zone-c", "east")]),
    HERE,
    none,
  );
  assert.deepEqual(shape(built), [["any", 1]]);
  assert.equal(built.leftOut(0), LeftOut.draining);
});

test("leaving endpoints do not count as a loss of their tier's capacity", () => {
  const leaving = { health: "draining" } as const;
  const endpoints = [1, 2, 3].map((n) => at(n, "zone-a", "west", leaving));
  const built = buildTiers(
    snapshotOf([at(0, "zone-a", "west"), ...endpoints, at(9, "zone-b", "west")]),
    HERE,
    none,
  );
  assert.deepEqual([...built.shares], [1, 0]);
});

test("leaving endpoints serve when nothing else is well: rather they than those that fail", () => {
  const endpoints = [
    at(0, "zone-a", "west", { health: "unhealthy" }),
    at(1, "zone-b", "west", { health: "draining" }),
    at(2, "zone-c", "east", { health: "draining" }),
  ];
  const built = buildTiers(snapshotOf(endpoints), HERE, none);
  assert.deepEqual(shape(built), [
    ["region", 1],
    ["any", 2],
  ]);
  assert.deepEqual([...built.shares], [1, 0]);
});

test("when none is well all are candidates: a pick fails only without endpoints", () => {
  const endpoints = [
    at(0, "zone-a", "west", { health: "unhealthy" }),
    at(1, "zone-b", "west", { health: "unhealthy" }),
  ];
  const built = buildTiers(snapshotOf(endpoints), HERE, none);
  assert.deepEqual([...built.shares], [0.5, 0.5]);
  assert.equal(built.panic, true);
  assert.deepEqual(shape(buildTiers(snapshotOf([]), HERE, none)), [["any"]]);
});

test("a panic threshold of 0 never ignores health", () => {
  const endpoints = [at(0, "zone-a", "west", { health: "unhealthy" })];
  const { tiers } = buildTiers(snapshotOf(endpoints, { panicThreshold: 0 }), HERE, none);
  assert.deepEqual([tiers.length, tiers[0]!.count], [1, 0]);
});

test("panic brings back who is called sick, not who could not be connected to", () => {
  const endpoints = [0, 1, 2, 3, 4].map((n) => at(n, "zone-a", "west"));
  const snapshot = snapshotOf(endpoints);
  const bits = [0, SetAside.connect, SetAside.outlier, SetAside.healthCheck, SetAside.connect];
  const built = buildTiers(
    snapshot,
    HERE,
    (slot) => bits[endpoints.findIndex((_, i) => snapshot.slotAt(i) === slot)]!,
  );
  assert.deepEqual(shape(built), [["zone", 0, 2, 3]]);
  assert.equal(built.leftOut(1), LeftOut.unreachable);
  const allOut = buildTiers(snapshot, HERE, () => SetAside.connect);
  assert.deepEqual(shape(allOut), [["zone", 0, 1, 2, 3, 4]]);
});

test("each reason to be left out is told", () => {
  const endpoints = [0, 1, 2, 3].map((n) => at(n, "zone-a", "west"));
  const snapshot = snapshotOf(endpoints, { panicThreshold: 0.1 });
  const slots = endpoints.map((_, i) => snapshot.slotAt(i));
  const bits = new Map([
    [slots[1], SetAside.outlier],
    [slots[2], SetAside.healthCheck],
  ]);
  const built = buildTiers(snapshot, HERE, (slot) => bits.get(slot) ?? 0, { accept: (index) => index < 3 });
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => built.leftOut(index)),
    [LeftOut.not, LeftOut.ejected, LeftOut.failedHealthCheck, LeftOut.filtered],
  );
});

test("candidates have their slots and weights, and unequal weights are noticed", () => {
  const snapshot = snapshotOf([at(0, "zone-a", "west", { weight: 3 }), at(1, "zone-a", "west")]);
  const [near] = buildTiers(snapshot, HERE, none).tiers;
  assert.deepEqual([...near!.weights], [3, 1]);
  assert.deepEqual([...near!.slots], [snapshot.slotAt(0), snapshot.slotAt(1)]);
  assert.equal(near!.equalWeights, false);
});
