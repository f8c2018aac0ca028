import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { createPicker } from "../../../src/lb/create-picker.ts";
import { AnswerTime } from "../../../src/lb/outlier/answer-time.ts";
import { FailurePenalty } from "../../../src/lb/outlier/failure-penalty.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../../src/resource/load-balancing.ts";
import { candidatesOf, request } from "../pick-fixture.ts";

describe("the penalty of failing endpoints", () => {
  it("is nothing for a lone failure, and for one in fifty", () => {
    const penalty = new FailurePenalty(4);
    penalty.failed(1, 0);
    assert.equal(penalty.streams(1, 0), 0);
    for (let i = 0; i < 1_000; i++) {
      if (i % 50 === 0) penalty.failed(2, i);
      else penalty.succeeded(2, i);
      assert.equal(penalty.streams(2, i), 0);
    }
  });

  it("grows with failures that come close together, up to a limit, fades, and halves with a success", () => {
    const penalty = new FailurePenalty(4);
    for (let i = 0; i < 3; i++) penalty.failed(1, 0);
    assert.equal(penalty.streams(1, 0), 3);
    penalty.succeeded(1, 0);
    assert.equal(penalty.streams(1, 0), 1.5);
    for (let i = 0; i < 1_000; i++) penalty.failed(1, 0);
    assert.equal(penalty.streams(1, 0), 64);
    assert.ok(penalty.streams(1, 5_000) < 24);
    assert.equal(penalty.streams(1, 60_000), 0);
    penalty.clear(1);
    assert.equal(penalty.streams(1, 0), 0);
  });
});

/**
 * Six endpoints that serve at most 4 requests at a time within 10 ms; the first fails every other one within 0.1 ms.
 *
 * @returns its share of the requests.
 */
function shareOfFailing(withPenalty: boolean, ratePerMs: number): number {
  const random = new SeededRandom(5);
  const candidates = candidatesOf(new Array(6).fill(1));
  const picker = createPicker(LOAD_BALANCING_DEFAULTS, candidates);
  const penalty = new FailurePenalty(64);
  const ends: { atMs: number; slot: number; failed: boolean }[] = [];
  const inFlight = new Map<number, number>();
  let nowMs = 0;
  const load = (slot: number) => (inFlight.get(slot) ?? 0) + (withPenalty ? penalty.streams(slot, nowMs) : 0);
  const loads = { inFlight: load, load, total: () => 0 };
  const asked = request();
  let toFailing = 0;
  const requests = 20_000;
  for (let i = 0; i < requests; i++) {
    nowMs += -Math.log(1 - random.nextFloat()) / ratePerMs;
    for (let at = ends.length - 1; at >= 0; at--) {
      const { atMs, slot, failed } = ends[at]!;
      if (atMs > nowMs) continue;
      ends.splice(at, 1);
      inFlight.set(slot, inFlight.get(slot)! - 1);
      if (failed) penalty.failed(slot, atMs);
      else penalty.succeeded(slot, atMs);
    }
    asked.sequence = i;
    const slot = candidates.slots[picker.pick(asked, loads, random, nowMs)]!;
    const failing = slot === candidates.slots[0];
    const failed = failing && random.nextFloat() < 0.5;
    if (failing) toFailing++;
    inFlight.set(slot, (inFlight.get(slot) ?? 0) + 1);
    ends.push({ atMs: nowMs + (failed ? 0.1 : 10), slot, failed });
  }
  return toFailing / requests;
}

describe("an endpoint that fails fast", () => {
  it("draws more than its share by streams in flight alone, and next to nothing with the penalty", () => {
    for (const ratePerMs of [0.2, 1]) {
      const alone = shareOfFailing(false, ratePerMs);
      const penalised = shareOfFailing(true, ratePerMs);
      assert.ok(alone > 1 / 6, `${alone} without`);
      assert.ok(penalised < 0.02, `${penalised} with the penalty at ${ratePerMs} per ms`);
    }
  });
});

describe("the time within which nine of ten are answered", () => {
  it("is found for exponential and for mixed times, and says nothing before it knows", () => {
    const random = new SeededRandom(3);
    const time = new AnswerTime();
    assert.ok(!time.isLate(1e9));
    for (let i = 0; i < 20_000; i++) time.observe(-10 * Math.log(1 - random.nextFloat()));
    // ln 10 = 2.3 means.
    assert.ok(time.isLate(33));
    assert.ok(!time.isLate(15));
    for (let i = 0; i < 5_000; i++) time.observe(i % 50 === 0 ? 3_600_000 : 10 * random.nextFloat());
    assert.ok(time.isLate(20), "a few streams that live for an hour do not move it");
  });
});
