import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { buildTiers } from "../../src/lb/build-tiers.ts";
import { candidateColumns } from "../../src/lb/candidate-columns.ts";
import { createPicker } from "../../src/lb/create-picker.ts";
import { rampEndMs } from "../../src/lb/slow-start.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { LoadBalancingPolicy } from "../../src/resource/load-balancing.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";
import { changingLoads } from "./record/record-fixture.ts";

const WINDOW_MS = 10_000;
const SLOW_START = { windowMs: WINDOW_MS, aggression: 1, minShare: 0.1 };
const COUNT = 12;

function snapshotWith(policy: LoadBalancingPolicy): ClusterSnapshot {
  const settings = clusterSettings({ loadBalancing: { policy, slowStart: SLOW_START } });
  const endpoints = Array.from({ length: COUNT }, (_, n) => endpoint(n, { weight: 1 + (n % 3) }));
  const source = cluster(endpoints, { settings });
  return new ClusterSnapshot(
    encodeClusterSnapshot(source, new SlotRegistry({ workerCount: 1 }).assign(source)),
  );
}

function candidatesOf(snapshot: ClusterSnapshot, ramps: Float64Array, overMs?: number) {
  const place = { node: "", zone: "", region: "" };
  const built = buildTiers(snapshot, place, undefined, {
    columns: (indexes) => candidateColumns(snapshot, indexes, ramps, overMs),
  });
  return built.tiers[0]!;
}

describe("the column of when endpoints were new", () => {
  const ramps = new Float64Array(64);
  ramps.set([0, 1_000, 0, 5_000, 2_000]);

  it("has those that are new, and the latest of them", () => {
    const { rampFromMs, rampLastMs } = candidatesOf(snapshotWith("least_request"), ramps);
    assert.deepEqual([...rampFromMs!.slice(0, 5)], [0, 1_000, 0, 5_000, 2_000]);
    assert.equal(rampLastMs, 5_000);
  });

  it("leaves out who is new no more, and is not made where nobody is", () => {
    const snapshot = snapshotWith("least_request");
    assert.deepEqual([...candidatesOf(snapshot, ramps, 2_000).rampFromMs!.slice(0, 5)], [0, 0, 0, 5_000, 0]);
    const { rampFromMs, rampLastMs } = candidatesOf(snapshot, ramps, 5_000);
    assert.deepEqual([rampFromMs, rampLastMs], [undefined, undefined]);
  });

  it("ends the same whether its latest is known or looked for", () => {
    const { rampFromMs, rampLastMs } = candidatesOf(snapshotWith("least_request"), ramps);
    const known = rampEndMs(SLOW_START, { rampFromMs: rampFromMs!, rampLastMs: rampLastMs! });
    assert.equal(known, 15_000);
    assert.equal(rampEndMs(SLOW_START, { rampFromMs: rampFromMs! }), known);
  });
});

for (const policy of ["least_request", "round_robin", "random"] as const) {
  it(`${policy} picks the same whether who is new no more is in the column or not`, () => {
    const snapshot = snapshotWith(policy);
    const { loadBalancing } = snapshot.settings;
    for (const builtMs of [11_000, 12_000, 14_999, 15_000, 40_000]) {
      const ramps = new Float64Array(64);
      ramps.set([0, 1_000, 0, 5_000, 2_000]);
      const picks = [0, Math.max(0, builtMs - WINDOW_MS)].map((overMs) => {
        const picker = createPicker(loadBalancing, candidatesOf(snapshot, ramps, overMs));
        const loads = changingLoads(7);
        const random = new SeededRandom(11);
        const request = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(4) };
        return Array.from({ length: 400 }, (_, n) => {
          request.sequence = n;
          return picker.pick(request, loads, random, builtMs + n * 20);
        });
      });
      assert.deepEqual(picks[1], picks[0], `tiers built at ${builtMs} ms`);
    }
  });
}
