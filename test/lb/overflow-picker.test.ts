import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { buildTiers } from "../../src/lb/build-tiers.ts";
import { candidateColumns } from "../../src/lb/candidate-columns.ts";
import type { CandidateSet } from "../../src/lb/candidate-set.ts";
import { NotedDraws } from "../../src/lb/conformance/conformance-subject.ts";
import { LeastRequestPicker } from "../../src/lb/least-request-picker.ts";
import { TieredPicker } from "../../src/lb/tiered-picker.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import type { LoadBalancing } from "../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";
import { RecordedLoads, request } from "./pick-fixture.ts";

const NOWHERE = { node: "", zone: "", region: "" };
const PICKS = 2_000;
const subset = { enabled: true, minEndpoints: 5, coverage: 1 };

interface Rig {
  readonly tiered: TieredPicker;
  readonly loads: RecordedLoads;
  /** Slots of the slice, and of all. */
  readonly slice: ReadonlySet<number>;
  readonly slots: readonly number[];
}

/** A proxy of 20 that uses 6 of 100 endpoints, of some more and of some less. */
function rig(
  settings: Partial<LoadBalancing> = {},
  endpoints: readonly Endpoint[] = Array.from({ length: 100 }, (_, n) => endpoint(n)),
  verdict: (n: number) => SetAside = () => 0,
): Rig {
  const source = cluster(endpoints, {
    settings: clusterSettings({ loadBalancing: { subset, ...settings } }),
  });
  const snapshot = new ClusterSnapshot(
    encodeClusterSnapshot(source, new SlotRegistry({ workerCount: 1 }).assign(source)),
  );
  const slots = Array.from({ length: snapshot.count }, (_, index) => snapshot.slotAt(index));
  const built = buildTiers(snapshot, NOWHERE, (slot) => verdict(slots.indexOf(slot)), {
    fleet: { nodeIndex: 7, nodeCount: 20 },
    columns: (indexes) => candidateColumns(snapshot, [...indexes]),
  });
  const tiered = new TieredPicker(built, snapshot.settings.loadBalancing);
  return { tiered, loads: new RecordedLoads(), slice: new Set(built.tiers[0]!.slots), slots };
}

/** @returns how many of so many picks went to endpoints outside of the slice. */
function outside({ tiered, loads, slice }: Rig, picks = PICKS): number {
  const random = new SeededRandom(1);
  let count = 0;
  for (let i = 0; i < picks; i++) if (!slice.has(tiered.pick(request(i), loads, random, 0))) count++;
  return count;
}

function load({ loads }: Rig, slots: Iterable<number>, streams: number): void {
  for (const slot of slots) loads.bySlot.set(slot, streams);
}

describe("a slice of a tier", () => {
  it("is all that is picked from while it is not busy, and costs no draw more", () => {
    const each = rig();
    assert.equal(each.slice.size, 6);
    assert.equal(outside(each), 0);
    const draws = new NotedDraws(new SeededRandom(1));
    each.tiered.pick(request(), each.loads, draws, 0);
    const alone = new NotedDraws(new SeededRandom(1));
    const { beyond, ...slice } = each.tiered.tierSet.tiers[0]!;
    assert.equal(beyond?.count, 100);
    new LeastRequestPicker(slice).pick(request(), each.loads, alone, 0);
    assert.deepEqual(draws.drawn, alone.drawn);
    assert.equal(each.tiered.lookedBeyond, false);
  });

  it("is left when its endpoints have a stream and others have none", () => {
    const each = rig();
    load(each, each.slice, 1);
    // Of those drawn from all of the tier 5 % are in the slice.
    assert.ok(outside(each) > 0.98 * PICKS, `${outside(each)} of ${PICKS}`);
    assert.equal(each.tiered.lookedBeyond, true);
  });

  it("is kept to while what it has is less than twice the usual", () => {
    const each = rig();
    each.loads.usualStreams = 5;
    const [{ slots, weights }] = each.tiered.tierSet.tiers as [CandidateSet];
    slots.forEach((slot, i) => {
      load(each, [slot], 9 * weights[i]!);
    });
    assert.equal(outside(each), 0);
    slots.forEach((slot, i) => {
      load(each, [slot], 10 * weights[i]!);
    });
    assert.ok(outside(each) > 0.98 * PICKS);
  });

  it("is kept to when others have as many own streams", () => {
    const each = rig();
    load(each, each.slots, 4);
    assert.equal(outside(each), 0);
    assert.equal(each.tiered.lookedBeyond, true, "they were looked at");
  });

  it("is compared by streams per weight, an end of the slice by the whole weight of its endpoint", () => {
    const weighted = Array.from({ length: 100 }, (_, n) => endpoint(n, { weight: n % 2 === 0 ? 4 : 1 }));
    const each = rig({}, weighted);
    const heavy = each.slots.filter((_, n) => n % 2 === 0);
    load(each, each.slots, 100);
    // Half a stream per weight at the heavy ones, 1.5 at the light ones.
    load(each, each.slots, 1.5);
    load(each, heavy, 2);
    const random = new SeededRandom(2);
    let light = 0;
    for (let i = 0; i < PICKS; i++) {
      const slot = each.tiered.pick(request(i), each.loads, random, 0);
      if (!heavy.includes(slot)) light++;
    }
    assert.ok(light < 0.1 * PICKS, `${light} went to light endpoints`);
  });

  it("is left by a request that has tried all of it, and then nothing is tried twice", () => {
    const each = rig();
    const random = new SeededRandom(3);
    const tried = [...each.slice];
    for (let i = 0; i < 3; i++) {
      const slot = each.tiered.pick(request(i, tried), each.loads, random, 0);
      assert.ok(!tried.includes(slot) && slot >= 0, `${slot} again`);
    }
    const all = { sequence: 0, hash: 0, triedCount: 100, tried: Int32Array.from(each.slots) };
    assert.ok(each.slice.has(each.tiered.pick(all, each.loads, random, 0)), "but when all were");
  });

  it("is never left for what is sick, leaving or out of reach", () => {
    const endpoints = Array.from({ length: 100 }, (_, n) =>
      endpoint(n, { health: n % 10 === 0 ? "unhealthy" : n % 10 === 1 ? "draining" : "healthy" }),
    );
    const each = rig({}, endpoints, (n) => (n % 10 === 2 ? SetAside.connect : 0));
    assert.equal(each.tiered.tierSet.tiers[0]!.panic, false);
    load(each, each.slice, 3);
    const fit = new Set(each.slots.filter((_, n) => n % 10 > 2));
    const random = new SeededRandom(4);
    for (let i = 0; i < PICKS; i++) {
      assert.ok(fit.has(each.tiered.pick(request(i), each.loads, random, 0)));
    }
  });

  it("is all there is in panic, where health says nothing", () => {
    const each = rig({}, undefined, (n) => (n < 80 ? SetAside.outlier : 0));
    const [tier] = each.tiered.tierSet.tiers;
    assert.equal(tier!.panic, true);
    assert.equal(tier!.beyond, undefined);
  });

  it("is never left by policies that hash or look at no load", () => {
    const hash = { ...LOAD_BALANCING_DEFAULTS.hash, minRingSize: 64, maxRingSize: 1024, tableSize: 1021 };
    for (const policy of ["ring_hash", "maglev", "round_robin", "random"] as const) {
      const each = rig({ policy, hash });
      load(each, each.slice, 50);
      assert.equal(outside(each, 200), 0, policy);
    }
  });

  it("keeps what it knows when shares move", () => {
    const each = rig();
    load(each, each.slice, 1);
    const moved = { ...each, tiered: each.tiered.withShares(Float64Array.of(1)) };
    assert.ok(outside(moved) > 0.98 * PICKS);
  });

  it("that is everything has nothing beyond it", () => {
    const few = rig(
      {},
      Array.from({ length: 5 }, (_, n) => endpoint(n)),
    );
    assert.equal(few.tiered.tierSet.tiers[0]!.beyond, undefined);
    const off = rig({ subset: { ...subset, enabled: false } });
    assert.equal(off.tiered.tierSet.tiers[0]!.beyond, undefined);
  });
});
