import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildTiers } from "../../src/lb/build-tiers.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { Endpoint, EndpointHealth } from "../../src/resource/endpoint.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";

const HERE = { node: "node-1", zone: "zone-b", region: "west" };
const ZONES = [
  { zone: "zone-a", region: "west" },
  { zone: "zone-b", region: "west" },
  { zone: "zone-c", region: "west" },
  { zone: "zone-d", region: "east" },
];

function snapshotOf(
  endpoints: readonly Endpoint[],
  distribution: "none" | "PreferSameZone",
): ClusterSnapshot {
  const locality = { ...LOAD_BALANCING_DEFAULTS.locality, distribution };
  const source = cluster(endpoints, { settings: clusterSettings({ loadBalancing: { locality } }) });
  const slots = new SlotRegistry({ workerCount: 1 }).assign(source);
  return new ClusterSnapshot(encodeClusterSnapshot(source, slots));
}

const states = fc.array(
  fc.record({
    place: fc.nat(ZONES.length - 1),
    weight: fc.constantFrom(1, 1, 1, 5),
    health: fc.constantFrom<EndpointHealth>("healthy", "healthy", "healthy", "unhealthy", "draining"),
    aside: fc.constantFrom(0, 0, 0, SetAside.connect, SetAside.outlier, SetAside.healthCheck),
  }),
  { maxLength: 60 },
);

test("tiers of zones that lie together are what they are when every endpoint is looked at", () => {
  fc.assert(
    fc.property(
      states,
      fc.boolean(),
      fc.constantFrom("none" as const, "PreferSameZone" as const),
      (list, isSick, distribution) => {
        const inTurn = list.toSorted((a, b) => a.place - b.place);
        const endpoints = inTurn.map(({ place, weight, health }, n) =>
          endpoint(n, { ...ZONES[place]!, weight, health: isSick ? health : "healthy" }),
        );
        const snapshot = snapshotOf(endpoints, distribution);
        assert.ok(snapshot.hasZonesInTurn);
        const verdict = (slot: number) => (isSick ? inTurn[slot]!.aside : 0);
        const ranges = buildTiers(snapshot, HERE, isSick ? verdict : undefined);
        const single = buildTiers(snapshot, HERE, verdict, { accept: () => true });
        assert.deepEqual(ranges.shares, single.shares);
        assert.deepEqual(ranges.allLeftOut(), single.allLeftOut());
        assert.deepEqual(
          ranges.tiers.map(({ indexes, slots, weights, ...rest }) => [
            [...indexes],
            [...slots],
            [...weights],
            rest,
          ]),
          single.tiers.map(({ indexes, slots, weights, ...rest }) => [
            [...indexes],
            [...slots],
            [...weights],
            rest,
          ]),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("zones that take turns, or priorities, are found out", () => {
  const mixed = [0, 1, 0].map((place, n) => endpoint(n, ZONES[place]!));
  assert.ok(!snapshotOf(mixed, "PreferSameZone").hasZonesInTurn);
  assert.ok(!snapshotOf([endpoint(0, { priority: 1 })], "PreferSameZone").hasZonesInTurn);
});

test("candidates of a service that is well lie where its snapshot does", () => {
  const endpoints = Array.from({ length: 10_000 }, (_, n) => endpoint(n, ZONES[Math.floor(n / 2_500)]!));
  const snapshot = snapshotOf(endpoints, "PreferSameZone");
  const [zone, region] = buildTiers(snapshot, HERE, undefined).tiers;
  assert.equal(zone!.slots.buffer, snapshot.buffer);
  assert.equal(zone!.weights.buffer, snapshot.buffer);
  assert.deepEqual(
    [zone!.count, region!.count, zone!.localCount, region!.localCount],
    [2_500, 5_000, 2_500, 0],
  );
});

test("tiers of 10,000 endpoints take a fraction of a millisecond", () => {
  const endpoints = Array.from({ length: 10_000 }, (_, n) => endpoint(n, ZONES[Math.floor(n / 2_500)]!));
  const snapshot = snapshotOf(endpoints, "PreferSameZone");
  const times = Array.from({ length: 60 }, () => {
    const start = performance.now();
    buildTiers(snapshot, HERE, undefined);
    return performance.now() - start;
  });
  // About 0.05 ms; where every endpoint is looked at more than 1 ms.
  assert.ok(times.sort((a, b) => a - b)[30]! < 0.8, `${times[30]} ms`);
});
