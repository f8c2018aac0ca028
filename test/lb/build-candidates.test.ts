import assert from "node:assert/strict";
import { test } from "node:test";
import { buildCandidates } from "../../src/lb/build-candidates.ts";
import { endpoint } from "../resource/cluster-builder.ts";
import { snapshotOf } from "./pick-fixture.ts";

const inZone = (n: number, zone: string) => endpoint(n, { zone });
const none = () => false;

test("healthy endpoints of the own zone are the only candidates while there is one", () => {
  const snapshot = snapshotOf([
    inZone(1, "zone-b"),
    inZone(2, "zone-a"),
    inZone(3, "zone-b"),
    inZone(4, "zone-a"),
  ]);
  const { tier, slots, count, localCount } = buildCandidates(snapshot, "zone-a", none);
  assert.deepEqual([tier, count, localCount], ["local", 2, 2]);
  assert.deepEqual([...slots], [snapshot.slotAt(1), snapshot.slotAt(3)]);
});

test("without a healthy endpoint of the own zone all healthy ones are candidates", () => {
  const unhealthy = endpoint(1, { zone: "zone-a", health: "unhealthy" });
  const snapshot = snapshotOf([unhealthy, inZone(2, "zone-b"), inZone(3, "zone-c")]);
  const { tier, slots, localCount } = buildCandidates(snapshot, "zone-a", none);
  assert.deepEqual([tier, localCount], ["any", 0]);
  assert.deepEqual([...slots], [snapshot.slotAt(1), snapshot.slotAt(2)]);
});

test("an endpoint set aside counts as unfit, in the own zone and in others", () => {
  const snapshot = snapshotOf([inZone(1, "zone-a"), inZone(2, "zone-b"), inZone(3, "zone-b")]);
  const aside = new Set([snapshot.slotAt(0), snapshot.slotAt(2)]);
  const { tier, slots } = buildCandidates(snapshot, "zone-a", (slot) => aside.has(slot));
  assert.equal(tier, "any");
  assert.deepEqual([...slots], [snapshot.slotAt(1)]);
});

test("draining endpoints get nothing new while another is fit", () => {
  const snapshot = snapshotOf([endpoint(1, { health: "draining" }), endpoint(2)]);
  assert.deepEqual([...buildCandidates(snapshot, "zone-a", none).slots], [snapshot.slotAt(1)]);
});

test("when none is fit all endpoints are candidates: a pick fails only without endpoints", () => {
  const snapshot = snapshotOf([
    endpoint(1, { health: "draining" }),
    endpoint(2, { health: "unhealthy", zone: "zone-b" }),
    endpoint(3),
  ]);
  const { tier, count, localCount } = buildCandidates(snapshot, "zone-a", () => true);
  assert.deepEqual([tier, count, localCount], ["panic", 3, 2]);
  assert.equal(buildCandidates(snapshotOf([]), "zone-a", none).count, 0);
});

test("an unknown zone is nobody's own, neither the node's nor an endpoint's", () => {
  const snapshot = snapshotOf([inZone(1, ""), inZone(2, "zone-b")]);
  assert.equal(buildCandidates(snapshot, "", none).tier, "any");
  assert.equal(buildCandidates(snapshot, "", none).count, 2);
  assert.equal(buildCandidates(snapshot, "zone-a", none).count, 2);
});

test("weights are those of the snapshot, and it is known whether they differ among the candidates", () => {
  const snapshot = snapshotOf([
    endpoint(1, { weight: 3 }),
    endpoint(2, { weight: 3 }),
    endpoint(3, { zone: "zone-b" }),
  ]);
  const local = buildCandidates(snapshot, "zone-a", none);
  assert.deepEqual([...local.weights], [3, 3]);
  assert.equal(local.equalWeights, true);
  assert.equal(buildCandidates(snapshot, "zone-x", none).equalWeights, false);
});
