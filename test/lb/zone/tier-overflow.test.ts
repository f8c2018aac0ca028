import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TierOverflow } from "../../../src/lb/zone/tier-overflow.ts";

const ENDPOINTS = 10;
const LOOK_MS = 25;

/** A tier of which `waiting` attempts have waited for some seconds. */
function used(waiting: number, seconds = 60): { overflow: TierOverflow; nowMs: number } {
  const overflow = new TierOverflow();
  return { overflow, nowMs: look(overflow, 1, waiting, seconds * 1_000) };
}

/** Looks again and again. @returns the time after. */
function look(overflow: TierOverflow, fromMs: number, waiting: number, forMs: number): number {
  const endMs = fromMs + forMs;
  for (let nowMs = fromMs; nowMs < endMs; nowMs += LOOK_MS) overflow.look(nowMs, waiting, ENDPOINTS);
  return endMs;
}

describe("what a tier has never borne leaves it at once", () => {
  it("and nothing leaves while no more waits than usual", () => {
    const { overflow, nowMs } = used(20);
    look(overflow, nowMs, 25, 1_000);
    assert.equal(overflow.share, 0);
  });

  it("when twice as many wait, within 150 ms", () => {
    const { overflow, nowMs } = used(20);
    overflow.pace = 0;
    look(overflow, nowMs, 40, 150);
    assert.ok(overflow.share > 0.05 && overflow.share < 0.5, `${overflow.share}`);
    look(overflow, nowMs + 150, 40, 400);
    assert.ok(overflow.share > 0.8, `${overflow.share}`);
  });

  it("and stays away as long as answers take longer here than there", () => {
    const { overflow, nowMs } = used(20);
    overflow.pace = 0;
    look(overflow, nowMs, 40, 30_000);
    assert.ok(overflow.share > 0.8, `${overflow.share}`);
  });

  it("but is back within seconds when they do not, and the next rise like that is borne", () => {
    const { overflow, nowMs } = used(20);
    overflow.pace = 1;
    let atMs = look(overflow, nowMs, 40, 5_000);
    assert.equal(overflow.share, 0);
    atMs = look(overflow, atMs, 20, 5_000);
    look(overflow, atMs, 40, 1_000);
    assert.equal(overflow.share, 0);
  });

  it("and a minute or two later what was borne is forgotten", () => {
    const { overflow, nowMs } = used(60);
    const atMs = look(overflow, nowMs, 20, 180_000);
    overflow.pace = 0;
    look(overflow, atMs, 60, 500);
    assert.ok(overflow.share > 0.5, `${overflow.share}`);
  });

  it("and what one attempt more or less makes of almost nothing is taken for chance", () => {
    const { overflow, nowMs } = used(0.2);
    look(overflow, nowMs, 1, 2_000);
    assert.equal(overflow.share, 0);
  });
});

describe("a tier of which nothing is known", () => {
  it("is trusted with an attempt per endpoint", () => {
    const overflow = new TierOverflow();
    look(overflow, 1, ENDPOINTS, 500);
    assert.equal(overflow.share, 0);
    look(overflow, 501, 10 * ENDPOINTS, 500);
    assert.ok(overflow.share > 0.9, `${overflow.share}`);
  });

  it("and with two when it has one endpoint", () => {
    const overflow = new TierOverflow();
    for (let nowMs = 1; nowMs < 500; nowMs += LOOK_MS) overflow.look(nowMs, 2, 1);
    assert.equal(overflow.share, 0);
    for (let nowMs = 500; nowMs < 1_000; nowMs += LOOK_MS) overflow.look(nowMs, 8, 1);
    assert.ok(overflow.share > 0.9, `${overflow.share}`);
  });

  it("keeps some of it whatever waits, and says when its share has changed by something", () => {
    const overflow = new TierOverflow();
    assert.equal(overflow.look(1, 0, ENDPOINTS), false);
    assert.equal(overflow.look(1_000, 10_000, ENDPOINTS), true);
    assert.equal(overflow.look(1_025, 10_000, ENDPOINTS), false);
    assert.equal(overflow.share, 0.95);
    assert.equal(overflow.look(1_050, 0, 0), false, "without endpoints there is nothing to say");
  });
});
