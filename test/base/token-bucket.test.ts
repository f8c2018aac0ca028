import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBucket } from "../../src/base/token-bucket.ts";

test("a bucket starts full and gives no more than its capacity at once", () => {
  const bucket = new TokenBucket(3, 10, 0);
  assert.deepEqual(
    Array.from({ length: 5 }, () => bucket.take(0)),
    [true, true, true, false, false],
  );
});

test("tokens come back at the rate, in fractions too", () => {
  const bucket = new TokenBucket(1, 10, 0);
  assert.ok(bucket.take(0));
  assert.ok(!bucket.take(50));
  assert.ok(!bucket.take(99));
  assert.ok(bucket.take(101));
});

test("a long rest does not save up more than the capacity", () => {
  const bucket = new TokenBucket(2, 1000, 0);
  const taken = Array.from({ length: 5 }, () => bucket.take(1_000_000)).filter(Boolean);
  assert.equal(taken.length, 2);
});

test("over a long time, what is taken is the capacity plus the rate", () => {
  const bucket = new TokenBucket(100, 30, 0);
  let taken = 0;
  for (let nowMs = 0; nowMs <= 10_000; nowMs++) if (bucket.take(nowMs)) taken++;
  assert.ok(Math.abs(taken - 400) <= 1, String(taken));
});
