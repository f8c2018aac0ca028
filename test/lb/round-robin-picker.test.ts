import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { RoundRobinPicker } from "../../src/lb/round-robin-picker.ts";
import { candidatesOf, RecordedLoads, request } from "./pick-fixture.ts";
import { pickerConformance } from "./picker-conformance.ts";

pickerConformance({ policy: "round_robin" });

const NO_LOADS = new RecordedLoads();
const RANDOM = new SeededRandom(1);

function sequenceOf(weights: number[], count: number, start = 0): number[] {
  const picker = new RoundRobinPicker(candidatesOf(weights));
  return Array.from({ length: count }, (_, i) => picker.pick(request(start + i), NO_LOADS, RANDOM, 0));
}

test("equal weights take turns in order", () => {
  assert.deepEqual(sequenceOf([2, 2, 2], 7, 4), [1, 2, 0, 1, 2, 0, 1]);
});

test("a pick depends on the sequence number alone", () => {
  const whole = sequenceOf([1, 2, 4, 9], 1000);
  const random = new SeededRandom(1);
  for (let i = 0; i < 1000; i++) {
    const at = random.nextInt(1000);
    assert.equal(sequenceOf([1, 2, 4, 9], 1, at)[0], whole[at]);
  }
});

test("at any moment every candidate has had its share but for five picks", () => {
  for (const weights of [
    [1, 2, 4],
    [1, 99],
    [7, 5, 3, 2, 1],
    [65_535, 1, 300],
  ]) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const counts = weights.map(() => 0);
    sequenceOf(weights, 20_000, 123_456).forEach((index, i) => {
      counts[index]!++;
      weights.forEach((weight, candidate) => {
        const wanted = ((i + 1) * weight) / total;
        assert.ok(Math.abs(counts[candidate]! - wanted) < 5, `${weights} after ${i + 1}: ${counts}`);
      });
    });
  }
});

test("a heavy candidate's picks lie between the others', not in a row", () => {
  const picks = sequenceOf([4, 2, 1], 7000).map(String).join("");
  assert.doesNotMatch(picks, /000/);
  assert.doesNotMatch(picks, /11/);
});

test("a tried one is passed over for the next in order", () => {
  const candidates = candidatesOf([1, 1, 1]);
  const picker = new RoundRobinPicker(candidates);
  assert.equal(picker.pick(request(1, [candidates.slots[1]!]), NO_LOADS, RANDOM, 0), 2);
  assert.equal(picker.pick(request(2, [candidates.slots[2]!, candidates.slots[0]!]), NO_LOADS, RANDOM, 0), 1);
});
