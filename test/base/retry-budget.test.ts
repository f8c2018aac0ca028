import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget } from "../../src/base/retry-budget.ts";

function takeAll(budget: RetryBudget, nowMs: number): number {
  let taken = 0;
  while (budget.take(nowMs)) taken++;
  return taken;
}

test("without traffic there are 10 a second, saved up for 10 s at most", () => {
  const budget = new RetryBudget(0);
  assert.equal(takeAll(budget, 0), 100);
  assert.equal(takeAll(budget, 1000), 10);
  assert.equal(takeAll(budget, 1_000_000), 100);
});

test("every fifth request adds one", () => {
  const budget = new RetryBudget(0);
  takeAll(budget, 0);
  for (let i = 0; i < 1001; i++) budget.deposit();
  assert.equal(takeAll(budget, 0), 200);
});

test("a burst of requests long ago buys nothing", () => {
  const budget = new RetryBudget(0);
  for (let i = 0; i < 100_000; i++) budget.deposit();
  assert.ok(takeAll(budget, 200_000) <= 101);
});

test("under steady load and constant failure, retries stay at a fifth of the requests plus 10 a second", () => {
  const budget = new RetryBudget(0);
  takeAll(budget, 0);
  let retries = 0;
  for (let nowMs = 1; nowMs <= 20_000; nowMs++) {
    budget.deposit();
    if (budget.take(nowMs)) retries++;
  }
  assert.ok(Math.abs(retries - (20_000 * 0.2 + 200)) < 5, String(retries));
});

test("share and floor are configurable, and may change while it is in use", () => {
  const budget = new RetryBudget(0, 0.5, 2);
  assert.equal(takeAll(budget, 0), 20);
  for (let i = 0; i < 100; i++) budget.deposit();
  assert.equal(takeAll(budget, 0), 50);
  budget.configure(0, 0.125, 1);
  for (let i = 0; i < 80; i++) budget.deposit();
  assert.equal(takeAll(budget, 0), 10);
  assert.equal(takeAll(budget, 3000), 3);
  budget.configure(3000, 0.125, 100);
  assert.equal(takeAll(budget, 4000), 100);
});

test("nothing allows nothing", () => {
  const budget = new RetryBudget(0, 0, 0);
  for (let i = 0; i < 100; i++) budget.deposit();
  assert.equal(takeAll(budget, 100_000), 0);
  assert.equal(budget.usedRatio(100_000), 1);
});

test("the used share goes from 0 to 1 and back", () => {
  const budget = new RetryBudget(0);
  assert.equal(budget.usedRatio(0), 0);
  takeAll(budget, 0);
  assert.ok(budget.usedRatio(0) > 0.98);
  assert.equal(budget.usedRatio(60_000), 0);
});
