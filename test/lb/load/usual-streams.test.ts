import assert from "node:assert/strict";
import { test } from "node:test";
import { plainCandidates } from "../../../src/lb/conformance/conformance-subject.ts";
import { UsualStreams } from "../../../src/lb/load/usual-streams.ts";

const ANY = 3;
const ZONE = 1;
const TICK_MS = 250;

/** Looks every quarter of a second at tiers whose endpoints all have so many streams. */
function observe(usual: UsualStreams, fromMs: number, forMs: number, own: (slot: number) => number): void {
  const near = { ...plainCandidates([1, 1]), tier: "zone" as const, slots: Int32Array.of(0, 1) };
  const far = { ...plainCandidates([2, 0.5]), slots: Int32Array.of(2, 3) };
  for (let nowMs = fromMs; nowMs < fromMs + forMs; nowMs += TICK_MS) {
    usual.observe(nowMs, { tiers: [near, far], shares: Float64Array.of(1, 0) }, { own });
  }
}

test("what is usual is not known at first, then per weight and by tier", () => {
  const usual = new UsualStreams();
  assert.equal(usual.of(ANY), 0);
  const own = (slot: number): number => [3, 5, 4, 1][slot]!;
  observe(usual, 1, TICK_MS, own);
  assert.equal(usual.of(ANY), 0, "one look is no custom");
  observe(usual, 251, 120_000, own);
  assert.ok(Math.abs(usual.of(ZONE) - 4) < 0.01, `${usual.of(ZONE)}`);
  assert.ok(Math.abs(usual.of(ANY) - 2) < 0.01, `${usual.of(ANY)}`);
});

test("a burst of a second changes little, a new pace of a minute all", () => {
  const usual = new UsualStreams();
  observe(usual, 1, 120_000, () => 1);
  const before = usual.of(ZONE);
  observe(usual, 120_001, 1_000, () => 10);
  const burst = usual.of(ZONE);
  assert.ok(burst > before && burst < 2 * before, `${before} to ${burst}`);
  observe(usual, 121_001, 60_000, () => 10);
  assert.ok(usual.of(ZONE) > 9.8, `${usual.of(ZONE)}`);
});
