import assert from "node:assert/strict";
import { test } from "node:test";
import type { Figures } from "../../bench/beside/figures.ts";
import { figuresOf, summed } from "../../bench/beside/figures.ts";
import { inAll, judgeNew, judgeSick } from "../../bench/beside/judge-heat.ts";

function figures(changes: Partial<Figures> = {}): Figures {
  const well = { requests: 1_000, errors: 0, harmed: 10, p90Ms: 16, p99Ms: 28, p999Ms: 40, lastShare: 1 };
  return { ...well, ...changes };
}

test("a request that failed counts with the deadline, one that was slow with its time", () => {
  const ms = Array.from({ length: 1_000 }, (_, i) => (i === 0 ? 60 : 10));
  const codes = ms.map((_, i) => (i > 0 && i <= 15 ? 14 : 0));
  const atMs = ms.map((_, i) => i);
  const ports = ms.map((_, i) => (i % 5 === 0 ? 7 : 8));
  const seen = figuresOf({ name: "x", atMs, ms, codes, ports }, 7);
  assert.equal(seen.errors, 15);
  assert.equal(seen.harmed, 16);
  assert.equal(seen.p90Ms, 10);
  assert.equal(seen.p99Ms, 2_000);
  assert.ok(Math.abs(seen.lastShare - 1) < 0.02, `${seen.lastShare}`);
});

test("repetitions are summed by counts and by medians of times", () => {
  const all = summed([
    figures({ p99Ms: 1, errors: 2 }),
    figures({ p99Ms: 9 }),
    figures({ p99Ms: 3, errors: 1 }),
  ]);
  assert.equal(all.requests, 3_000);
  assert.equal(all.errors, 3);
  assert.equal(all.p99Ms, 3);
});

test("Isobar is compared with the best of each figure, whichever configuration it is of", () => {
  const envoy = [
    figures({ errors: 0, p99Ms: 900, harmed: 90 }),
    figures({ errors: 90, p99Ms: 100, harmed: 90 }),
  ];
  assert.equal(judgeSick(figures(), envoy).verdict, "better");
  assert.equal(judgeSick(figures({ p99Ms: 110 }), envoy).verdict, "worse");
  assert.equal(judgeSick(figures({ errors: 20 }), envoy).verdict, "worse");
});

test("what is equal everywhere is not better, and chance is equal", () => {
  assert.equal(judgeSick(figures(), [figures()]).verdict, "equal");
  const { comparisons } = judgeSick(figures({ harmed: 14, p99Ms: 28.9 }), [figures()]);
  assert.deepEqual(
    comparisons.map((one) => one.verdict),
    ["equal", "equal", "equal", "equal"],
  );
});

test("a new endpoint may harm half of what it does with Envoy, and must have its share in the end", () => {
  const envoy = [figures({ harmed: 100 }), figures({ harmed: 200 })];
  assert.equal(judgeNew(figures({ harmed: 50 }), envoy).verdict, "better");
  assert.equal(judgeNew(figures({ harmed: 51 }), envoy).verdict, "worse");
  assert.equal(judgeNew(figures({ harmed: 1, lastShare: 0.2 }), envoy).verdict, "worse");
});

test("a row is better when one heat is and none is worse", () => {
  const row = (...all: ("better" | "equal" | "worse")[]): string =>
    inAll(all.map((verdict) => ({ verdict })));
  assert.equal(row("equal", "better"), "better");
  assert.equal(row("better", "worse"), "worse");
  assert.equal(row("equal", "equal"), "equal");
});
