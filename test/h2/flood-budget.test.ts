import assert from "node:assert/strict";
import { test } from "node:test";
import { FloodBudget } from "../../src/h2/flood-budget.ts";
import { FloodKind } from "../../src/h2/flood-kind.ts";
import type { FloodLimit } from "../../src/h2/flood-limits.ts";
import { FLOOD_LIMITS } from "../../src/h2/flood-limits.ts";

const TEN_AND_FIVE: readonly FloodLimit[] = FLOOD_LIMITS.map(() => ({ burst: 10, perSecond: 5 }));

/** @returns how often `units` can be taken. */
function takeAll(budget: FloodBudget, nowMs: number, units = 1): number {
  let taken = 0;
  while (taken < 1_000_000 && budget.take(FloodKind.ping, units, nowMs)) taken++;
  return taken;
}

test("a budget gives its burst at once, and then what comes back", () => {
  const budget = new FloodBudget(TEN_AND_FIVE);
  assert.equal(takeAll(budget, 1000), 10);
  assert.equal(takeAll(budget, 1199), 0);
  assert.equal(takeAll(budget, 1200), 1);
  assert.equal(takeAll(budget, 2200), 5);
  assert.equal(takeAll(budget, 1_000_000), 10);
});

test("fractions of a unit cost their share, and more than is there takes nothing", () => {
  const budget = new FloodBudget(TEN_AND_FIVE);
  assert.equal(takeAll(budget, 0, 1 / 8), 80);
  assert.equal(budget.take(FloodKind.ping, 11, 60_000), false);
  assert.equal(takeAll(budget, 60_000), 10);
});

test("a share multiplies the burst and what comes back", () => {
  const budget = new FloodBudget(TEN_AND_FIVE, 4);
  assert.equal(takeAll(budget, 0), 40);
  assert.equal(takeAll(budget, 1000), 20);
});

test("kinds have budgets of their own", () => {
  const budget = new FloodBudget(TEN_AND_FIVE);
  takeAll(budget, 0);
  assert.ok(budget.take(FloodKind.reset, 10, 0));
});

test("what is given back can be taken again, and never makes more than the burst", () => {
  const budget = new FloodBudget(TEN_AND_FIVE);
  takeAll(budget, 0);
  assert.equal(budget.giveBack(FloodKind.ping, 0), true);
  assert.equal(takeAll(budget, 0), 1);
  for (let i = 0; i < 9; i++) assert.equal(budget.giveBack(FloodKind.ping, 0), true);
  assert.equal(budget.giveBack(FloodKind.ping, 0), false);
  for (let i = 0; i < 50; i++) budget.giveBack(FloodKind.ping, 0);
  assert.equal(takeAll(budget, 0), 10);
});

test("the used share is that of the kind nearest to its end, and fades", () => {
  for (const share of [1, 4]) {
    const budget = new FloodBudget(TEN_AND_FIVE, share);
    assert.equal(budget.usedShare(0), 0);
    budget.take(FloodKind.reset, 2 * share, 0);
    budget.take(FloodKind.settings, 8 * share, 0);
    assert.equal(budget.usedShare(0), 0.8);
    assert.equal(budget.usedShare(1000), 0.3);
    assert.equal(budget.usedShare(2000), 0);
  }
});

test("every kind has a limit that a second's flood of 10,000 passes within two", () => {
  assert.equal(FLOOD_LIMITS.length, Object.keys(FloodKind).length);
  for (const { burst, perSecond } of FLOOD_LIMITS) assert.ok(burst / (10_000 - perSecond) < 2);
});
