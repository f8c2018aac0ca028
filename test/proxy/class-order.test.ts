import assert from "node:assert/strict";
import { it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { ClassOrder } from "../../src/proxy/class-order.ts";

/** @returns the order of requests whose classes these are, in the order they came. */
function orderOf(order: ClassOrder, classes: readonly number[]): number[] {
  const slots = Int32Array.from(classes, (_, i) => i);
  order.order(slots, classes.length, Uint8Array.from(classes));
  return [...slots];
}

it("requests of several classes are opened in turn, each class's own as they came", () => {
  assert.deepEqual(orderOf(new ClassOrder(), [7, 7, 7, 0, 255, 7, 0]), [0, 3, 4, 1, 6, 2, 5]);
});

it("an order is good for any number of requests, one after the other", () => {
  const order = new ClassOrder();
  const random = new SeededRandom(3);
  for (const count of [1, 900, 5, 1_024, 1_025, 2]) {
    const classes = Array.from({ length: count }, () => random.nextInt(4));
    const ordered = orderOf(order, classes);
    assert.deepEqual(
      [...ordered].sort((a, b) => a - b),
      classes.map((_, i) => i),
    );
    const seen = [0, 0, 0, 0];
    const ranks = ordered.map((slot) => seen[classes[slot]!]!++);
    assert.deepEqual(
      ranks,
      [...ranks].sort((a, b) => a - b),
    );
  }
});
