import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "../../src/audit/json-diff.ts";
import { applyDiff, diffJson } from "../../src/audit/json-diff.ts";
import { SeededRandom } from "../../src/base/random.ts";

/** Objects that resemble each other, so that much of them stays the same. */
function randomObject(random: SeededRandom, depth: number): JsonObject {
  const object: Record<string, unknown> = {};
  for (const key of ["a", "b/c", "d~e", "", "endpoints"]) {
    const kind = random.nextInt(6);
    if (kind === 0) continue;
    if (kind === 1 && depth > 0) object[key] = randomObject(random, depth - 1);
    else if (kind === 2) object[key] = [random.nextInt(2), random.nextInt(2)];
    else if (kind === 3) object[key] = null;
    else object[key] = random.nextInt(3);
  }
  return object as JsonObject;
}

describe("a diff of JSON", () => {
  it("makes the second of the first, whatever they are", () => {
    const random = new SeededRandom(7);
    for (let i = 0; i < 5_000; i++) {
      const before = randomObject(random, 3);
      const after = randomObject(random, 3);
      const diff = diffJson(before, after);
      if (diff === undefined) assert.deepEqual(before, after);
      else
        assert.deepEqual(
          applyDiff(structuredClone(before), diff),
          after,
          JSON.stringify({ before, after, diff }),
        );
    }
  });

  it("names places as JSON Pointers, and says what was there where that is short", () => {
    const before = {
      limits: { a: 1, b: 2 },
      endpoints: { "10.0.0.1|80/h2c": { port: 80 } },
      long: "x".repeat(300),
    };
    const after = { limits: { a: 3, b: 2 }, endpoints: {}, long: "y" };
    assert.deepEqual(diffJson(before, after), {
      set: { "/limits/a": 3, "/long": "y" },
      unset: ["/endpoints/10.0.0.1|80~1h2c"],
      was: { "/limits/a": 1, "/endpoints/10.0.0.1|80~1h2c": { port: 80 } },
    });
  });

  it("is none where nothing differs; what is undefined counts as absent", () => {
    assert.equal(diffJson({ a: 1, b: undefined }, { a: 1 }), undefined);
    assert.equal(diffJson({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), undefined);
  });

  it("of a file that somebody wrote is refused where it leads nowhere", () => {
    assert.throws(() => applyDiff({ a: 1 }, { set: { "/a/b": 1 } }), /nothing at \/a\/b/);
    assert.throws(() => applyDiff({}, { set: { "/__proto__": { polluted: true } } }), RangeError);
    assert.throws(() => applyDiff({}, { set: { "/__proto__/polluted": true } }), RangeError);
    assert.equal(({} as { readonly polluted?: boolean }).polluted, undefined);
  });
});
