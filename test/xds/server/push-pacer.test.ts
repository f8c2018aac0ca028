import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PushPacer } from "../../../src/xds/server/push-pacer.ts";

/** A pacer of 50 ms on a clock that the test moves. */
function paced() {
  let nowMs = 1_000;
  const timers = new Set<{ readonly atMs: number; readonly call: () => void }>();
  const released: string[] = [];
  const timer = {
    nowMs: () => nowMs,
    after: (ms: number, call: () => void) => {
      const entry = { atMs: nowMs + ms, call };
      timers.add(entry);
      return () => timers.delete(entry);
    },
  };
  const pacer = new PushPacer(50, timer, (key) => released.push(`${key}@${nowMs}`));
  const to = (ms: number): void => {
    for (;;) {
      const next = [...timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > ms) break;
      timers.delete(next);
      nowMs = next.atMs;
      next.call();
    }
    nowMs = ms;
  };
  return { pacer, released, to, timers };
}

describe("PushPacer", () => {
  it("lets the first change through at once and puts those that follow together", () => {
    const { pacer, released, to } = paced();
    pacer.offer("a");
    assert.deepEqual(released, ["a@1000"]);
    to(1_010);
    pacer.offer("a");
    to(1_040);
    pacer.offer("a");
    to(2_000);
    assert.deepEqual(released, ["a@1000", "a@1050"]);
  });

  it("never lets a key wait for another", () => {
    const { pacer, released, to } = paced();
    pacer.offer("a");
    to(1_020);
    pacer.offer("a");
    pacer.offer("b");
    assert.deepEqual(released, ["a@1000", "b@1020"]);
    to(2_000);
    assert.deepEqual(released, ["a@1000", "b@1020", "a@1050"]);
  });

  it("goes at its pace while changes do not end, and is quick again afterwards", () => {
    const { pacer, released, to } = paced();
    for (let ms = 1_000; ms < 1_200; ms += 10) {
      to(ms);
      pacer.offer("a");
    }
    to(3_000);
    pacer.offer("a");
    assert.deepEqual(released, ["a@1000", "a@1050", "a@1100", "a@1150", "a@1200", "a@3000"]);
  });

  it("keeps no timer when nothing happens", () => {
    const { pacer, to, timers } = paced();
    pacer.offer("a");
    to(2_000);
    assert.equal(timers.size, 0);
    pacer.offer("a");
    pacer.close();
    assert.equal(timers.size, 0);
  });
});
