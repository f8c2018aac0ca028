import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mixBits } from "../../src/base/hash-octets.ts";
import { SHARE_STEPS } from "../../src/lb/share-steps.ts";
import { sortInShares } from "../../src/lb/sort-in-shares.ts";

const RANGE = 2 ** 48;

function sorted(keys: Float64Array): { readonly keys: Float64Array; readonly shares: number } {
  const work = sortInShares(keys, RANGE);
  for (let shares = 1; ; shares++) {
    const { done, value } = work.next();
    if (done === true) return { keys: value, shares };
  }
}

test("numbers come out in their order, however they are spread", () => {
  const numbers = fc.oneof(
    fc.array(fc.integer({ min: 0, max: RANGE - 1 }), { maxLength: 3_000, size: "max" }),
    fc.array(fc.constantFrom(0, 1, RANGE / 2, RANGE - 1), { maxLength: 3_000, size: "max" }),
  );
  fc.assert(
    fc.property(numbers, (list) => {
      const keys = Float64Array.from(list);
      assert.deepEqual(sorted(keys).keys, keys.toSorted());
      assert.deepEqual([...keys], list, "those that were given stay as they are");
    }),
    { numRuns: 30 },
  );
});

test("a hundred thousand are sorted in as many shares as they are worth", () => {
  const count = 100_000;
  const { keys, shares } = sorted(
    Float64Array.from({ length: count }, (_, i) => mixBits(i) * 2 ** 16 + (i % 7)),
  );
  assert.ok(keys.every((key, i) => i === 0 || key >= keys[i - 1]!));
  // Two looks at each, and eight steps to sort it.
  const least = Math.floor((10 * count) / SHARE_STEPS) - 2;
  assert.ok(shares >= least - 8 && shares <= least + 8, `${shares} shares, about ${least} wanted`);
});
