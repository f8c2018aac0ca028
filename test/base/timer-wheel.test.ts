import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { TimerWheel } from "../../src/base/timer-wheel.ts";

const TICK_MS = 8;
const TURN_MS = 1024 * TICK_MS;

function expired(wheel: TimerWheel, nowMs: number): number[] {
  const slots: number[] = [];
  wheel.expire(nowMs, (slot) => slots.push(slot));
  return slots.sort((a, b) => a - b);
}

test("a deadline expires once, with the first tick that is not before it", () => {
  const wheel = new TimerWheel(10, 1000);
  wheel.set(1, 1050);
  assert.deepEqual(expired(wheel, 1049), []);
  assert.deepEqual(expired(wheel, 1050 + TICK_MS), [1]);
  assert.deepEqual(expired(wheel, 2000), []);
  assert.equal(wheel.size, 0);
});

test("a deadline that was cleared does not expire, and clearing none is no error", () => {
  const wheel = new TimerWheel(10, 0);
  for (const slot of [1, 2, 3]) wheel.set(slot, 100);
  wheel.clear(2);
  wheel.clear(2);
  wheel.clear(7);
  assert.equal(wheel.size, 2);
  assert.deepEqual(expired(wheel, 200), [1, 3]);
});

test("a deadline in the past expires with the next tick", () => {
  const wheel = new TimerWheel(10, 5000);
  wheel.set(1, 10);
  assert.deepEqual(expired(wheel, 5000 + TICK_MS), [1]);
});

test("a deadline farther away than a turn of the wheel expires in its own turn", () => {
  const wheel = new TimerWheel(10, 0);
  wheel.set(1, 2.5 * TURN_MS);
  wheel.set(2, 0.5 * TURN_MS);
  assert.deepEqual(expired(wheel, TURN_MS), [2]);
  assert.deepEqual(expired(wheel, 2 * TURN_MS), []);
  assert.deepEqual(expired(wheel, 2.5 * TURN_MS + TICK_MS), [1]);
});

test("nothing is lost when the owner comes back after many turns", () => {
  const wheel = new TimerWheel(2000, 0);
  for (let slot = 1; slot < 2000; slot++) wheel.set(slot, slot * 10);
  assert.equal(expired(wheel, 10 * TURN_MS).length, 1999);
});

test("a callback may set and clear other slots, and its own", () => {
  const wheel = new TimerWheel(10, 0);
  for (const slot of [1, 2, 3]) wheel.set(slot, 100);
  const seen: number[] = [];
  wheel.expire(104, (slot) => {
    seen.push(slot);
    for (const other of [1, 2, 3]) wheel.clear(other);
    wheel.set(slot, 300);
  });
  assert.equal(seen.length, 1);
  assert.deepEqual(expired(wheel, 400), seen);
});

test("a deadline that a callback sets for now expires with the next tick, not a turn later", () => {
  const wheel = new TimerWheel(10, 0);
  wheel.set(1, 100);
  wheel.expire(1000, () => wheel.set(2, 500));
  assert.deepEqual(expired(wheel, 1000 + TICK_MS), [2]);
});

test("nextMs says when it is next worth looking, never later than a deadline", () => {
  const wheel = new TimerWheel(10, 0);
  assert.equal(wheel.nextMs(0), -1);
  wheel.set(1, 400);
  assert.equal(wheel.nextMs(0), 400);
  assert.equal(wheel.nextMs(396), 4);
  assert.equal(wheel.nextMs(500), 1);
  wheel.set(2, 3 * TURN_MS);
  assert.equal(wheel.nextMs(0), 400);
});

test("agrees with a plain map of deadlines, in any order of calls", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    let nowMs = random.nextInt(100_000);
    const wheel = new TimerWheel(200, nowMs);
    const due = new Map<number, number>();
    for (let step = 0; step < 2000; step++) {
      const slot = 1 + random.nextInt(199);
      if (due.has(slot)) {
        wheel.clear(slot);
        due.delete(slot);
      } else {
        const at = nowMs + random.nextInt(random.nextFloat() < 0.2 ? 3 * TURN_MS : 500) - 20;
        wheel.set(slot, at);
        due.set(slot, Math.max(at, nowMs));
      }
      if (random.nextFloat() < 0.3) {
        nowMs += random.nextInt(random.nextFloat() < 0.05 ? 2 * TURN_MS : 60);
        for (const late of expired(wheel, nowMs)) {
          assert.ok(due.get(late)! <= nowMs, "expired early");
          due.delete(late);
        }
        for (const [waiting, at] of due) {
          assert.ok(at > nowMs - 2 * TICK_MS, `slot ${waiting} expires late`);
        }
      }
      assert.equal(wheel.size, due.size);
    }
  }
});
