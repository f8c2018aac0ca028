import assert from "node:assert/strict";
import { it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { EventQueue } from "../../src/sim/event-queue.ts";

it("events come out by time, however they went in and out", () => {
  const queue = new EventQueue();
  const random = new SeededRandom(1);
  const waiting: number[] = [];
  for (let step = 0; step < 20_000; step++) {
    if (random.nextFloat() < 0.6 || waiting.length === 0) {
      const timeMs = Math.floor(random.nextFloat() * 1_000);
      waiting.push(timeMs);
      waiting.sort((a, b) => a - b);
      queue.push(timeMs, timeMs);
    } else {
      const event = queue.pop();
      assert.equal(event, waiting.shift());
      assert.equal(queue.nowMs, event);
    }
    assert.equal(queue.count, waiting.length);
  }
  while (waiting.length > 0) assert.equal(queue.pop(), waiting.shift());
  assert.equal(queue.pop(), -1);
});

it("equal times come out in the same order in every run", () => {
  const order = () => {
    const queue = new EventQueue();
    for (let event = 0; event < 500; event++) queue.push(event % 3, event);
    return Array.from({ length: 500 }, () => queue.pop());
  };
  assert.deepEqual(order(), order());
});
