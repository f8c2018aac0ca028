import assert from "node:assert/strict";
import { test } from "node:test";
import { FleetShares } from "../../src/daemon/fleet-shares.ts";
import { buildTiers } from "../../src/lb/build-tiers.ts";
import { AssignmentCache } from "../../src/lb/subset/assignment-cache.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import type { ServiceView } from "../../src/xds/resources/service-view.ts";
import { EMPTY_SERVICE_VIEW } from "../../src/xds/resources/service-view.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";

const NAME = "a.default:80";
const COVERAGE = 2;

const viewOf = (reporters: number, requestsPerSecond: number): ServiceView => ({
  ...EMPTY_SERVICE_VIEW,
  name: NAME,
  reporters,
  requestsPerSecond,
});

function sharesOf(count: number, zone = "", index = 3): FleetShares {
  const shares = new FleetShares({ zone: "zone-a" });
  shares.node = { name: "n", index, count, zone, region: "", zoneIndex: 1, zoneCount: 2 };
  return shares;
}

test("a service of whose callers nothing is known has no fleet, and neither has a proxy without a place", () => {
  const shares = sharesOf(10);
  assert.equal(shares.fleetOf(NAME), undefined);
  shares.take(viewOf(10, 100), 10, COVERAGE, 0);
  assert.deepEqual(shares.fleetOf(NAME), { nodeIndex: 3, nodeCount: 10, trafficShare: 0.1 });
  shares.node = undefined;
  assert.equal(shares.fleetOf(NAME), undefined);
});

test("the place in the zone counts where the control plane sees the proxy in its zone", () => {
  for (const [zone, expected] of [
    ["zone-a", 1],
    ["zone-b", undefined],
  ] as const) {
    const shares = sharesOf(10, zone);
    shares.take(viewOf(10, 100), 10, COVERAGE, 0);
    assert.equal(shares.fleetOf(NAME)!.zoneIndex, expected);
  }
});

test("a share follows the traffic in large steps and seldom", () => {
  const shares = sharesOf(10);
  shares.take(viewOf(10, 100), 10, COVERAGE, 0);
  for (let second = 1; second <= 60; second++) shares.take(viewOf(10, 100), 10, COVERAGE, second * 1_000);
  const changes: number[] = [];
  for (let second = 61; second <= 120; second++)
    if (shares.take(viewOf(10, 130), 40, COVERAGE, second * 1_000)) changes.push(second);
  assert.ok(changes.length === 1 || changes[1]! - changes[0]! >= 30, changes.join());
  const share = shares.fleetOf(NAME)!.trafficShare!;
  assert.ok(Math.abs(share - 40 / 130) < 0.04, String(share));
});

test("what was only right at first is put right soon", () => {
  const shares = sharesOf(10);
  shares.take(viewOf(1, 0), 10, COVERAGE, 0);
  assert.equal(shares.fleetOf(NAME)!.trafficShare, 1);
  let second = 1;
  while (shares.fleetOf(NAME)!.trafficShare! > 0.15)
    shares.take(viewOf(10, 100), 10, COVERAGE, second++ * 1_000);
  assert.ok(second <= 60, String(second));
});

test("shares from before a restart count until reports say otherwise", () => {
  const before = sharesOf(10);
  before.take(viewOf(10, 100), 30, COVERAGE, 0);
  const kept = before.kept();
  assert.deepEqual(Object.keys(kept), [NAME]);
  const after = sharesOf(10);
  after.restore(NAME, kept[NAME]!, 1_000);
  after.restore("nonsense", 7, 1_000);
  assert.deepEqual(after.fleetOf(NAME), before.fleetOf(NAME));
  assert.equal(after.fleetOf("nonsense"), undefined);
  assert.ok(after.take(viewOf(10, 100), 100, COVERAGE, 2_000));
  assert.ok(after.fleetOf(NAME)!.trafficShare! > 0.9);
});

test("who has no request of its own yet is taken for one like the others", () => {
  const shares = sharesOf(10);
  shares.take(viewOf(10, 100), 0, COVERAGE, 0);
  assert.equal(shares.fleetOf(NAME)!.trafficShare, 0.1);
});

test("where only some of a fleet call a service, their slices are deep enough for the load to stay even within a fifth, one standard deviation", () => {
  const proxies = 200;
  const endpoints = 400;
  const settings = clusterSettings({
    loadBalancing: { subset: { enabled: true, minEndpoints: 10, coverage: 2 } },
  });
  const source = cluster(
    Array.from({ length: endpoints }, (_, n) => endpoint(n)),
    { settings },
  );
  const slots = new SlotRegistry({ workerCount: 1 }).assign(source);
  const snapshot = new ClusterSnapshot(encodeClusterSnapshot(source, slots));
  // Two thirds or so, by a rule that has nothing to do with places.
  const calling = Array.from({ length: proxies }, (_, n) => n).filter((n) => (n * n + n) % 3 === 0);
  const load = new Float64Array(endpoints);
  const assignments = new AssignmentCache();
  let entries = 0;
  for (const index of calling) {
    const shares = sharesOf(proxies, "", index);
    shares.take(viewOf(calling.length, 10 * calling.length), 10, COVERAGE, 0);
    const { tiers } = buildTiers(snapshot, { node: "", zone: "", region: "" }, undefined, {
      fleet: shares.fleetOf(NAME),
      assignments,
    });
    const { indexes, weights } = tiers[0]!;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    entries += indexes.length;
    indexes.forEach((n, i) => {
      load[n]! += weights[i]! / total;
    });
  }
  const mean = calling.length / endpoints;
  const variance = load.reduce((sum, one) => sum + (one / mean - 1) ** 2, 0) / endpoints;
  assert.ok(Math.sqrt(variance) < 0.22, `${Math.sqrt(variance)}`);
  assert.ok(Math.min(...load) > 0.4 * mean && Math.max(...load) < 1.8 * mean);
  assert.ok(entries < (calling.length * endpoints) / 2, `${entries} of ${calling.length * endpoints}`);
});
