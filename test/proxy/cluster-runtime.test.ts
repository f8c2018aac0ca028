import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { SlotLinks } from "../../src/base/slot-list.ts";
import type { TieredPicker } from "../../src/lb/tiered-picker.ts";
import type { WorkInShares } from "../../src/net/loop-turn.ts";
import { ClusterRuntime } from "../../src/proxy/cluster-runtime.ts";
import { ClusterSurroundings } from "../../src/proxy/cluster-surroundings.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { LoadBalancing } from "../../src/resource/load-balancing.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { CLUSTER_COUNTER_COLUMNS } from "../../src/telemetry/cluster-counters.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";

/** A worker's surroundings, with what is to be done in turns to come in a list. */
function rig(policy: LoadBalancing["policy"]) {
  const registry = new SlotRegistry({ workerCount: 1 });
  const turns: WorkInShares[] = [];
  const around = new ClusterSurroundings(
    [],
    { node: "", zone: "", region: "" },
    () => undefined,
    new EndpointCounters(1).loadSources(),
    undefined,
    (work) => turns.push(work),
  );
  const snapshot = (from: number, to: number): ClusterSnapshot => {
    const endpoints = Array.from({ length: to - from }, (_, n) => endpoint(from + n));
    const source = cluster(endpoints, { settings: clusterSettings({ loadBalancing: { policy } }) });
    return new ClusterSnapshot(encodeClusterSnapshot(source, registry.assign(source)));
  };
  const make = (first: ClusterSnapshot) =>
    new ClusterRuntime(first, new Float64Array(CLUSTER_COUNTER_COLUMNS), new SlotLinks(8), around, 0);
  const random = new SeededRandom(1);
  const pick = (runtime: ClusterRuntime, hash: number, tiered?: TieredPicker): number => {
    const request = { sequence: 0, hash, triedCount: 0, tried: new Int32Array(4) };
    return runtime.pick(request, runtime.loads, random, 0, tiered);
  };
  return { turns, snapshot, make, pick };
}

describe("an update of a cluster that hashes", () => {
  for (const policy of ["ring_hash", "maglev"] as const) {
    it(`makes its table in turns to come, and picks go on meanwhile (${policy})`, () => {
      const { turns, snapshot, make, pick } = rig(policy);
      const runtime = make(snapshot(0, 5_000));
      const hashes = Array.from({ length: 500 }, (_, i) => Math.imul(i + 1, 0x9e3779b9) >>> 0);
      const before = hashes.map((hash) => pick(runtime, hash));
      assert.equal(turns.length, 0, "of the first pick nobody can say where it would have gone");
      const next = snapshot(1, 5_001);
      runtime.update(next, 0);
      assert.equal(turns.length, 1);
      assert.equal(runtime.tiered.isPreparing, true);
      const listed = new Set(next.slots);
      const meanwhile = hashes.map((hash) => pick(runtime, hash));
      assert.ok(meanwhile.every((slot) => listed.has(slot)));
      const moved = meanwhile.filter((slot, i) => slot !== before[i] && listed.has(before[i]!));
      assert.equal(moved.length, 0);
      let shares = 1;
      while (turns[0]!.run()) shares++;
      assert.ok(shares > 2, `${shares} shares`);
      assert.equal(runtime.tiered.isPreparing, false);
      const fresh = make(next);
      assert.deepEqual(
        hashes.map((hash) => pick(runtime, hash)),
        hashes.map((hash) => pick(fresh, hash)),
      );
    });
  }

  it("is overtaken by the next one", () => {
    const { turns, snapshot, make, pick } = rig("maglev");
    const runtime = make(snapshot(0, 2_000));
    pick(runtime, 1);
    runtime.update(snapshot(1, 2_001), 0);
    assert.equal(turns[0]!.run(), true);
    const last = snapshot(2, 2_002);
    runtime.update(last, 0);
    assert.equal(turns[0]!.run(), false, "what was begun for the one before ends");
    assert.ok(last.slots.includes(pick(runtime, 7)));
    assert.equal(runtime.tiered.isPreparing, true);
    while (turns[1]!.run());
    assert.equal(runtime.tiered.isPreparing, false);
    assert.equal(turns.length, 2);
  });

  it("makes tables for some of its endpoints likewise, once they were picked from", () => {
    const { turns, snapshot, make, pick } = rig("ring_hash");
    const runtime = make(snapshot(0, 8_000));
    const isEven = (index: number): boolean => index % 2 === 0;
    const first = runtime.restricted(isEven);
    assert.ok(first.tierSet.tiers[0]!.slots.includes(pick(runtime, 5, first)));
    assert.equal(turns.length, 0);
    runtime.update(snapshot(2, 8_002), 0);
    const ofAll = turns.length;
    const second = runtime.restricted(isEven, first);
    assert.equal(turns.length, ofAll + 1);
    const allowed = new Set(second.tierSet.tiers[0]!.slots);
    for (let hash = 1; hash < 500; hash++) assert.ok(allowed.has(pick(runtime, hash * 7_919, second)));
    assert.equal(second.isPreparing, true);
    while (turns[ofAll]!.run());
    assert.equal(second.isPreparing, false);
  });

  it("ends with its cluster, and is nothing to one that is not called", () => {
    const { turns, snapshot, make, pick } = rig("maglev");
    const runtime = make(snapshot(0, 1_000));
    runtime.update(snapshot(1, 1_001), 0);
    assert.equal(turns.length, 0);
    pick(runtime, 1);
    runtime.update(snapshot(2, 1_002), 0);
    runtime.removed = true;
    assert.equal(turns[0]!.run(), false);
  });
});

it("an update of a cluster that does not hash is done when it is taken", () => {
  const { turns, snapshot, make, pick } = rig("least_request");
  const runtime = make(snapshot(0, 1_000));
  pick(runtime, 0);
  runtime.update(snapshot(1, 1_001), 0);
  assert.equal(turns.length, 0);
  assert.equal(runtime.tiered.isPreparing, false);
});
