import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerMemory } from "../../src/discovery/answer-memory.ts";

const TRUST = { maxStaleMs: 1_000, emptyHoldMs: 100 };
const good = (...addresses: string[]) => ({ kind: "addresses" as const, addresses, ttlMs: 5_000 });
const empty = { kind: "empty" as const };
const failed = { kind: "failed" as const, reason: "ESERVFAIL" };

test("order and repetition in an answer make no difference", () => {
  const memory = new AnswerMemory();
  const first = memory.learn(good("b", "a", "b"), TRUST, 0);
  assert.deepEqual(first, { addresses: ["a", "b"], reason: "" });
  assert.deepEqual(memory.learn(good("a", "b"), TRUST, 1), first);
});

test("the last good answer outlives failures for maxStaleMs, then it is dropped", () => {
  const memory = new AnswerMemory();
  memory.learn(good("a"), TRUST, 0);
  const reason = "lookup failed (ESERVFAIL)";
  assert.deepEqual(memory.learn(failed, TRUST, 1_000), { addresses: ["a"], reason });
  assert.deepEqual(memory.learn(failed, TRUST, 1_001), { addresses: [], reason });
  assert.deepEqual(memory.learn(good("c"), TRUST, 2_000), { addresses: ["c"], reason: "" });
});

test("an empty answer is believed when it persists for emptyHoldMs", () => {
  const memory = new AnswerMemory();
  memory.learn(good("a"), TRUST, 0);
  assert.deepEqual(memory.learn(empty, TRUST, 500).addresses, ["a"]);
  assert.deepEqual(memory.learn(empty, TRUST, 599).addresses, ["a"]);
  assert.deepEqual(memory.learn(empty, TRUST, 600), { addresses: [], reason: "" });
});

test("a good answer in between starts the hold anew", () => {
  const memory = new AnswerMemory();
  memory.learn(good("a"), TRUST, 0);
  memory.learn(empty, TRUST, 10);
  memory.learn(good("a"), TRUST, 50);
  assert.deepEqual(memory.learn(empty, TRUST, 120).addresses, ["a"]);
});

test("empty answers and failures in turn do not hold addresses beyond maxStaleMs", () => {
  const memory = new AnswerMemory();
  memory.learn(good("a"), TRUST, 0);
  for (let nowMs = 50; nowMs <= 1_000; nowMs += 50) {
    assert.deepEqual(memory.learn(nowMs % 100 === 0 ? empty : failed, TRUST, nowMs).addresses, ["a"]);
  }
  assert.deepEqual(memory.learn(empty, TRUST, 1_050).addresses, []);
});

test("an empty first answer is believed at once", () => {
  assert.deepEqual(new AnswerMemory().learn(empty, TRUST, 0), { addresses: [], reason: "" });
});
