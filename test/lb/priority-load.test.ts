import assert from "node:assert/strict";
import { test } from "node:test";
import { priorityLoad } from "../../src/lb/priority-load.ts";

/** Loads in whole percent. */
function percent(levels: readonly (readonly [number, number])[], panicThreshold = 0.5): number[] {
  const healths = levels.map(([healthy, total]) => ({ healthy, total }));
  return [...priorityLoad(healths, 1.4, panicThreshold).loads].map((load) => Math.round(100 * load));
}

test("a level keeps everything until less than 5 of 7 of its endpoints are healthy", () => {
  assert.deepEqual(
    percent([
      [100, 100],
      [100, 100],
    ]),
    [100, 0],
  );
  assert.deepEqual(
    percent([
      [72, 100],
      [100, 100],
    ]),
    [100, 0],
  );
  assert.deepEqual(
    percent([
      [71, 100],
      [100, 100],
    ]),
    [99, 1],
  );
});

test("what a level cannot keep goes to the next, as Envoy's documentation has it", () => {
  // Envoy, "Priority levels": the table of two and of three levels.
  assert.deepEqual(
    percent([
      [50, 100],
      [100, 100],
    ]),
    [70, 30],
  );
  assert.deepEqual(
    percent([
      [25, 100],
      [100, 100],
    ]),
    [35, 65],
  );
  assert.deepEqual(
    percent([
      [0, 100],
      [100, 100],
    ]),
    [0, 100],
  );
  assert.deepEqual(
    percent([
      [25, 100],
      [25, 100],
    ]),
    [50, 50],
  );
  assert.deepEqual(
    percent([
      [72, 100],
      [72, 100],
      [100, 100],
    ]),
    [100, 0, 0],
  );
  assert.deepEqual(
    percent([
      [25, 100],
      [50, 100],
      [50, 100],
    ]),
    [35, 65, 0],
  );
  assert.deepEqual(
    percent([
      [25, 100],
      [25, 100],
      [25, 100],
    ]),
    [35, 35, 30],
  );
});

test("health is ignored in a level below the threshold, when all levels together are short", () => {
  const panic = (levels: readonly { healthy: number; total: number }[], threshold = 0.5) =>
    priorityLoad(levels, 1.4, threshold).panic;
  assert.deepEqual(
    panic([
      { healthy: 1, total: 10 },
      { healthy: 10, total: 10 },
    ]),
    [false, false],
  );
  assert.deepEqual(
    panic([
      { healthy: 1, total: 10 },
      { healthy: 5, total: 10 },
    ]),
    [true, false],
  );
  assert.deepEqual(
    panic([
      { healthy: 1, total: 10 },
      { healthy: 4, total: 10 },
    ]),
    [true, true],
  );
  assert.deepEqual(
    panic(
      [
        { healthy: 1, total: 10 },
        { healthy: 4, total: 10 },
      ],
      0,
    ),
    [false, false],
  );
});

test("when every level ignores health, load goes by the number of endpoints", () => {
  assert.deepEqual(
    percent([
      [4, 10],
      [0, 30],
    ]),
    [25, 75],
  );
  assert.deepEqual(
    percent([
      [0, 10],
      [0, 10],
    ]),
    [50, 50],
  );
});

test("with no healthy endpoint and health never ignored, nothing gets load", () => {
  assert.deepEqual(
    percent(
      [
        [0, 10],
        [0, 10],
      ],
      0,
    ),
    [0, 0],
  );
  assert.deepEqual(percent([]), []);
});
