import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashOctets } from "../../src/base/hash-octets.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { WeightedSplit } from "../../src/route/weighted-split.ts";

const CALLERS = 100_000;

function split(...weights: number[]): WeightedSplit {
  return new WeightedSplit(weights.map((weight, i) => ({ name: `cluster-${i}`, weight })));
}

function hashOf(caller: number): number {
  const octets = Buffer.from(`caller-${caller}`);
  return hashOctets(octets, 0, octets.length);
}

/** @returns the side of every caller. */
function sides(by: WeightedSplit): Uint8Array {
  return Uint8Array.from({ length: CALLERS }, (_, caller) => by.stick(hashOf(caller)));
}

function shares(chosen: Uint8Array, count: number): number[] {
  const sums = new Array<number>(count).fill(0);
  for (const side of chosen) sums[side]!++;
  return sums.map((sum) => sum / chosen.length);
}

describe("WeightedSplit", () => {
  for (const weights of [
    [99, 1],
    [50, 50],
    [90, 9, 1],
    [1, 0, 3],
    [0, 100],
    [7, 11, 13, 17],
  ]) {
    it(`divides by ${weights.join(":")} within half a point, drawn or sticky`, () => {
      const by = split(...weights);
      const random = new SeededRandom(5);
      const sum = weights.reduce((a, b) => a + b);
      const drawn = Uint8Array.from({ length: CALLERS }, () => by.draw(random));
      for (const chosen of [drawn, sides(by)]) {
        for (const [i, share] of shares(chosen, weights.length).entries()) {
          assert.ok(Math.abs(share - weights[i]! / sum) < 0.005, `${i}: ${share}`);
          if (weights[i] === 0) assert.equal(share, 0);
        }
      }
    });
  }

  it("keeps a caller on its side", () => {
    assert.deepEqual(sides(split(90, 10)), sides(split(90, 10)));
  });

  it("moves callers to the side whose weight rises, and between no two others", () => {
    const before = sides(split(40, 30, 30));
    const after = sides(split(40, 60, 30));
    let moved = 0;
    for (const [caller, side] of before.entries()) {
      if (after[caller] === side) continue;
      assert.equal(after[caller], 1);
      moved++;
    }
    assert.ok(moved > 0);
  });

  it("brings a canary from 1 to 50 percent and back in steps without moving anybody twice", () => {
    let former = sides(split(99, 1));
    const start = former;
    for (const percent of [5, 10, 25, 50]) {
      const next = sides(split(100 - percent, percent));
      for (const [caller, side] of former.entries()) if (side === 1) assert.equal(next[caller], 1);
      former = next;
    }
    assert.deepEqual(sides(split(99, 1)), start);
  });

  it("puts the same caller at the same point of two splits between the same clusters, whatever their order", () => {
    const one = new WeightedSplit([
      { name: "a", weight: 3 },
      { name: "b", weight: 1 },
    ]);
    const other = new WeightedSplit([
      { name: "b", weight: 1 },
      { name: "a", weight: 3 },
    ]);
    for (let caller = 0; caller < 1000; caller++) {
      assert.equal(one.stick(hashOf(caller)), 1 - other.stick(hashOf(caller)));
    }
  });
});
