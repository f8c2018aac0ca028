import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { buildTiers } from "../../src/lb/build-tiers.ts";
import { candidateColumns } from "../../src/lb/candidate-columns.ts";
import { subsetColumns } from "../../src/lb/subset/subset-columns.ts";
import { TieredPicker } from "../../src/lb/tiered-picker.ts";
import { tierGroups } from "../../src/lb/zone/tier-groups.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";
import { RecordedLoads, request } from "./pick-fixture.ts";

const ENDPOINTS = 10_000;
const ZONES = 3;
const HERE = { node: "node-1", zone: "zone-1", region: "west" };
const FLEET = { nodeIndex: 7, nodeCount: 100, zoneIndex: 2, zoneCount: 33 };

/** The service, and its snapshot in a form that counts what is read of single endpoints; what is taken in one go (parts of columns) is not counted. */
function huge(unhealthy: ReadonlySet<number> = new Set()) {
  const endpoints = Array.from({ length: ENDPOINTS }, (_, n) =>
    endpoint(n, {
      zone: `zone-${Math.floor((n * ZONES) / ENDPOINTS)}`,
      region: "west",
      health: unhealthy.has(n) ? "unhealthy" : "healthy",
    }),
  );
  const source = cluster(endpoints, {
    settings: clusterSettings({
      loadBalancing: { subset: { enabled: true, minEndpoints: 10, coverage: 2 } },
    }),
  });
  const snapshot = new ClusterSnapshot(
    encodeClusterSnapshot(source, new SlotRegistry({ workerCount: 1 }).assign(source)),
  );
  const looked = { at: 0 };
  const counted = <A extends Int32Array | Float64Array>(column: A): A =>
    new Proxy(column, {
      get: (target, key) => {
        if (typeof key === "string" && /^\d+$/.test(key)) looked.at++;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const columns = new Map<string | symbol, unknown>([
    ["slots", counted(snapshot.slots)],
    ["weights", counted(snapshot.weights)],
  ]);
  const watched = new Proxy(snapshot, {
    get: (target, key) => {
      const column = columns.get(key);
      if (column !== undefined) return column;
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => {
        if (/At$/.test(String(key))) looked.at++;
        const answer: unknown = value.apply(target, given);
        return answer instanceof Int32Array ? counted(answer) : answer;
      };
    },
  });
  return { snapshot, watched, looked };
}

function subsetOf(snapshot: ClusterSnapshot) {
  const { locality } = snapshot.settings.loadBalancing;
  const subset = subsetColumns(snapshot, tierGroups(snapshot, HERE, locality), HERE, FLEET);
  assert.ok(subset !== undefined);
  return subset;
}

describe("an update of 10,000 endpoints of which a proxy of a fleet uses some hundreds", () => {
  for (const { name, unhealthy } of [
    { name: "all of them well", unhealthy: [] },
    { name: "some of them sick", unhealthy: [17, 4_000, 9_999] },
  ]) {
    it(`looks at those that it uses, with ${name}`, () => {
      const { snapshot, watched, looked } = huge(new Set(unhealthy));
      const subset = subsetOf(snapshot);
      const used = subset.used.reduce((sum, { length }) => sum + length, 0);
      assert.ok(used > 100 && used < 1_500, `${used}`);
      const built = buildTiers(watched, HERE, undefined, {
        fleet: FLEET,
        subset,
        columns: (indexes) => candidateColumns(watched, indexes),
      });
      const candidates = built.tiers.reduce((sum, { count }) => sum + count, 0);
      assert.ok(candidates <= used && candidates >= used - unhealthy.length);
      // Weight and slot of each, whole weight, and whether it is fit.
      assert.ok(looked.at < 8 * used, `${looked.at} looks for ${used} endpoints`);
      assert.ok(built.tiers.every(({ beyond }) => beyond !== undefined));
    });
  }

  it("makes pickers of those alone; what is beyond them is looked at when they are busy", () => {
    const { snapshot } = huge();
    const subset = subsetOf(snapshot);
    const built = buildTiers(snapshot, HERE, undefined, { fleet: FLEET, subset });
    let looks = 0;
    const watchedColumn = <A extends Int32Array | Float64Array>(column: A): A =>
      new Proxy(column, {
        get: (target, key) => {
          looks++;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    const tierSet = {
      shares: built.shares,
      tiers: built.tiers.map(({ beyond, ...slice }) => ({
        ...slice,
        beyond: {
          ...beyond!,
          indexes: watchedColumn(beyond!.indexes),
          slots: watchedColumn(beyond!.slots),
          weights: watchedColumn(beyond!.weights),
        },
      })),
    };
    const tiered = new TieredPicker(tierSet, snapshot.settings.loadBalancing);
    const loads = new RecordedLoads();
    tiered.pick(request(), loads, new SeededRandom(1), 0);
    assert.equal(looks, 0);
    for (const { slots } of built.tiers) for (const slot of slots) loads.bySlot.set(slot, 9);
    assert.equal(loads.inFlight(tiered.pick(request(1), loads, new SeededRandom(1), 0)), 0);
    assert.equal(tiered.lookedBeyond, true);
    assert.ok(looks < 100, `${looks} looks for one pick`);
  });
});
