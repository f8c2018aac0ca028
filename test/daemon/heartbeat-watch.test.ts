import assert from "node:assert/strict";
import { test } from "node:test";
import { HeartbeatWatch, WATCH_INTERVAL_MS } from "../../src/daemon/heartbeat-watch.ts";
import type { ThreadProcessor } from "../../src/daemon/thread-processor.ts";

/** Two threads; what the kernel says of the second one is for the test to choose. */
function watched(processor: (look: number) => ThreadProcessor | undefined = () => undefined) {
  const beats = [1, 1];
  const hung: number[] = [];
  let looks = 0;
  const watch = new HeartbeatWatch(2, {
    beatOf: (thread) => beats[thread]!,
    processorOf: () => processor(looks),
    onHung: (thread) => hung.push(thread),
  });
  watch.watch(0);
  watch.watch(1);
  watch.serves(0);
  watch.serves(1);
  const look = (count: number): void => {
    for (let i = 0; i < count; i++) {
      looks++;
      beats[0]!++;
      watch.look();
    }
  };
  return { beats, hung, watch, look };
}

/** Processor time that grows by a share of the time. */
const running =
  (share: number, runnable = true) =>
  (look: number) => ({
    ranMs: look * WATCH_INTERVAL_MS * share,
    runnable,
  });

test("a thread that spins is named once, within a second of its last beat, and the other is not", () => {
  for (const processor of [undefined, running(1)]) {
    const { hung, look } = watched(processor);
    // The look that sees the last beat comes up to one interval after it.
    look(1);
    look(Math.floor(1000 / WATCH_INTERVAL_MS) - 2);
    assert.deepEqual(hung, []);
    look(1);
    assert.deepEqual(hung, [1]);
    look(50);
    assert.deepEqual(hung, [1]);
  }
});

test("a thread that gets no processor is left alone however long, and found when it spins with little of it", () => {
  const starved = watched(running(0));
  starved.look(500);
  assert.deepEqual(starved.hung, []);
  const slow = watched(running(0.25));
  slow.look(7);
  assert.deepEqual(slow.hung, []);
  slow.look(5);
  assert.deepEqual(slow.hung, [1]);
});

test("a thread that is blocked is found within two seconds", () => {
  const { hung, look } = watched(running(0, false));
  look(1000 / WATCH_INTERVAL_MS);
  assert.deepEqual(hung, []);
  look(1000 / WATCH_INTERVAL_MS);
  assert.deepEqual(hung, [1]);
});

test("a thread that is late, but not for a second, is left alone", () => {
  const { beats, hung, look } = watched();
  for (let i = 1; i <= 60; i++) {
    if (i % 3 === 0) beats[1]!++;
    look(1);
  }
  assert.deepEqual(hung, []);
});

test("a thread may take some seconds until it serves, and not forever", () => {
  const { beats, hung, watch, look } = watched(running(1));
  watch.watch(1);
  beats[1] = 2;
  look(20_000 / WATCH_INTERVAL_MS);
  assert.deepEqual(hung, []);
  look(20_000 / WATCH_INTERVAL_MS);
  assert.deepEqual(hung, [1]);
});

test("a replacement is watched anew", () => {
  const { beats, hung, watch, look } = watched();
  look(6);
  assert.deepEqual(hung, [1]);
  beats[1] = 0;
  watch.watch(1);
  look(6);
  assert.deepEqual(hung, [1]);
  watch.serves(1);
  beats[1] = 2;
  look(6);
  assert.deepEqual(hung, [1, 1]);
});
