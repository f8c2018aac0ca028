import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { LeastRequestPicker } from "../../src/lb/least-request-picker.ts";
import { candidatesOf, RecordedLoads, request } from "./pick-fixture.ts";
import { pickerConformance } from "./picker-conformance.ts";

pickerConformance({ policy: "least_request" });

test("two distinct candidates are compared in every pick", () => {
  for (const weights of [
    [1, 1],
    [1, 1, 1, 1, 1],
    [1, 65_535],
    [3, 1, 900, 2],
  ]) {
    const picker = new LeastRequestPicker(candidatesOf(weights));
    const random = new SeededRandom(1);
    for (let i = 0; i < 5000; i++) {
      const loads = new RecordedLoads();
      picker.pick(request(), loads, random, 0);
      assert.equal(new Set(loads.read).size, 2);
    }
  }
});

test("two distinct candidates are compared in a move too, while two are left", () => {
  const candidates = candidatesOf([1, 2, 3, 4]);
  const picker = new LeastRequestPicker(candidates);
  const random = new SeededRandom(1);
  for (let i = 0; i < 1000; i++) {
    const loads = new RecordedLoads();
    picker.pick(request(0, [candidates.slots[3]!]), loads, random, 0);
    assert.equal(new Set(loads.read).size, 2);
    assert.ok(!loads.read.includes(candidates.slots[3]!));
  }
});

test("with equal weights the one with fewer streams wins, by one stream already", () => {
  const candidates = candidatesOf([5, 5]);
  const picker = new LeastRequestPicker(candidates);
  const random = new SeededRandom(1);
  for (const [busy, idle] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const loads = new RecordedLoads();
    loads.add(candidates.slots[busy]!, 8);
    loads.add(candidates.slots[idle]!, 7);
    for (let i = 0; i < 100; i++) assert.equal(picker.pick(request(), loads, random, 0), idle);
  }
});

test("the busiest endpoint of all is never picked", () => {
  const candidates = candidatesOf([1, 1, 1, 1, 1, 1]);
  const picker = new LeastRequestPicker(candidates);
  const random = new SeededRandom(1);
  const loads = new RecordedLoads();
  loads.add(candidates.slots[4]!, 1);
  for (let i = 0; i < 5000; i++) assert.notEqual(picker.pick(request(), loads, random, 0), 4);
});

test("load counts in proportion to weight", () => {
  const candidates = candidatesOf([1, 4]);
  const picker = new LeastRequestPicker(candidates);
  const random = new SeededRandom(1);
  const picks = (light: number, heavy: number) => {
    const loads = new RecordedLoads();
    loads.add(candidates.slots[0]!, light);
    loads.add(candidates.slots[1]!, heavy);
    return new Set(Array.from({ length: 200 }, () => picker.pick(request(), loads, random, 0)));
  };
  assert.deepEqual(picks(3, 8), new Set([1]));
  assert.deepEqual(picks(1, 8), new Set([0]));
  assert.equal(picks(2, 8).size, 2);
});

test("a canary of weight 1 beside 99 gets its hundredth, a tenth of that off, with few streams in flight", () => {
  const candidates = candidatesOf([1, 99]);
  const picker = new LeastRequestPicker(candidates);
  for (const inFlight of [1, 2, 8]) {
    const random = new SeededRandom(4);
    const loads = new RecordedLoads();
    const open: number[] = [];
    let canary = 0;
    for (let i = 0; i < 300_000; i++) {
      if (open.length === inFlight) {
        const [ended] = open.splice(random.nextInt(inFlight), 1);
        loads.add(ended!, -1);
      }
      loads.read.length = 0;
      const index = picker.pick(request(i), loads, random, 0);
      if (index === 0) canary++;
      open.push(candidates.slots[index]!);
      loads.add(candidates.slots[index]!, 1);
    }
    const share = canary / 3000;
    assert.ok(share > 0.85 && share < 1.1, `${share} of its share with ${inFlight} in flight`);
  }
});
