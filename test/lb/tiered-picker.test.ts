import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { buildTiers } from "../../src/lb/build-tiers.ts";
import { NotedDraws } from "../../src/lb/conformance/conformance-subject.ts";
import { TieredPicker } from "../../src/lb/tiered-picker.ts";
import type { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { endpoint } from "../resource/cluster-builder.ts";
import { RecordedLoads, request, snapshotOf } from "./pick-fixture.ts";

const HERE = { node: "", zone: "zone-a", region: "" };
const PICKS = 20_000;

/** Two endpoints in the zone, two elsewhere. */
function twoTiers(): { snapshot: ClusterSnapshot; tiered: TieredPicker } {
  const snapshot = snapshotOf([0, 1, 2, 3].map((n) => endpoint(n, { zone: n < 2 ? "zone-a" : "zone-b" })));
  const tiered = new TieredPicker(
    buildTiers(snapshot, HERE, () => 0),
    snapshot.settings.loadBalancing,
  );
  return { snapshot, tiered };
}

test("requests are shared out among tiers by their shares", () => {
  const { snapshot } = twoTiers();
  const tiered = twoTiers().tiered.withShares(Float64Array.of(0.7, 0.3));
  const random = new SeededRandom(1);
  const near = new Set([snapshot.slotAt(0), snapshot.slotAt(1)]);
  let stayed = 0;
  for (let i = 0; i < PICKS; i++)
    if (near.has(tiered.pick(request(i), new RecordedLoads(), random, 0))) stayed++;
  assert.ok(Math.abs(stayed / PICKS - 0.7) < 0.02, `${stayed} of ${PICKS} stayed`);
});

test("a tier without a share gets nothing", () => {
  const { tiered } = twoTiers();
  const random = new SeededRandom(2);
  for (let i = 0; i < 1_000; i++) {
    tiered.pick(request(i), new RecordedLoads(), random, 0);
    assert.equal(tiered.pickedTier, 0);
  }
});

test("one tier costs no draw", () => {
  const snapshot = snapshotOf([endpoint(0)]);
  const tiered = new TieredPicker(
    buildTiers(snapshot, HERE, () => 0),
    snapshot.settings.loadBalancing,
  );
  const draws = new NotedDraws(new SeededRandom(3));
  assert.equal(tiered.pick(request(), new RecordedLoads(), draws, 0), snapshot.slotAt(0));
  assert.deepEqual(draws.drawn, []);
});

test("a request that has tried a whole tier goes to the next, and to a former one at last", () => {
  const { snapshot, tiered } = twoTiers();
  const slots = [0, 1, 2, 3].map((index) => snapshot.slotAt(index));
  const random = new SeededRandom(4);
  tiered.pick(request(0, [slots[0]!]), new RecordedLoads(), random, 0);
  assert.equal(tiered.pickedTier, 0);
  tiered.pick(request(0, slots.slice(0, 2)), new RecordedLoads(), random, 0);
  assert.equal(tiered.pickedTier, 1);
  const away = tiered.withShares(Float64Array.of(0, 1));
  away.pick(request(0, slots.slice(2)), new RecordedLoads(), random, 0);
  assert.equal(away.pickedTier, 0);
  // Everything was tried: any will do.
  assert.ok(slots.includes(tiered.pick(request(0, slots), new RecordedLoads(), random, 0)));
});

test("where the policy hashes, equal hashes go to equal tiers, and different ones by the shares", () => {
  const { snapshot } = twoTiers();
  const settings = { ...snapshot.settings.loadBalancing, policy: "ring_hash" } as const;
  const built = buildTiers(snapshot, HERE, () => 0);
  const [near, far] = twoTiers().tiered.pickers;
  const tiered = new TieredPicker(
    { tiers: built.tiers, shares: Float64Array.of(0.5, 0.5) },
    settings,
    (_, candidates) => (candidates === built.tiers[0] ? near! : far!),
  );
  const random = new SeededRandom(5);
  let stayed = 0;
  for (let hash = 1; hash <= 2_000; hash++) {
    const tiers = new Set<number>();
    for (let again = 0; again < 3; again++) {
      tiered.pick({ ...request(), hash }, new RecordedLoads(), random, 0);
      tiers.add(tiered.pickedTier);
    }
    assert.equal(tiers.size, 1);
    if (tiers.has(0)) stayed++;
  }
  assert.ok(Math.abs(stayed / 2_000 - 0.5) < 0.05, `${stayed} of 2000 stayed`);
});

test("no candidate at all gives -1", () => {
  const snapshot = snapshotOf([]);
  const tiered = new TieredPicker(
    buildTiers(snapshot, HERE, () => 0),
    snapshot.settings.loadBalancing,
  );
  assert.equal(tiered.pick(request(), new RecordedLoads(), new SeededRandom(6), 0), -1);
});
