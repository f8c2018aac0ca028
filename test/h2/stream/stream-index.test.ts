import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { StreamIndex } from "../../../src/h2/stream/stream-index.ts";

test("agrees with a Map, for ids of every spread", () => {
  const spreads = [
    // As clients open them; far apart; all in one place of the table; at the end of the range.
    (n: number) => 2 * n + 1,
    (n: number) => (Math.imul(n + 1, 0x9e3779b1) >>> 1) | 1,
    (n: number) => n * 4096 + 1,
    (n: number) => 2 ** 31 - 1 - 2 * n,
  ];
  for (const [seed, spread] of spreads.entries()) {
    const random = new SeededRandom(seed);
    const index = new StreamIndex();
    const model = new Map<number, number>();
    for (let step = 0; step < 20_000; step++) {
      const id = spread(random.nextInt(400));
      if (model.has(id)) {
        index.delete(id);
        model.delete(id);
      } else {
        index.set(id, step + 1);
        model.set(id, step + 1);
      }
      const other = spread(random.nextInt(400));
      assert.equal(index.get(other), model.get(other) ?? 0);
      assert.equal(index.get(id), model.get(id) ?? 0);
    }
    for (const [id, slot] of model) assert.equal(index.get(id), slot);
  }
});

test("removing an id that is not there changes nothing", () => {
  const index = new StreamIndex();
  index.set(1, 10);
  index.delete(3);
  index.delete(33);
  assert.equal(index.get(1), 10);
});
