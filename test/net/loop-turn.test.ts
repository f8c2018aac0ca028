import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import type { Output } from "../../src/h2/output.ts";
import { LoopTurn } from "../../src/net/loop-turn.ts";

/** A turn with a clock of its own, and what its outputs did. */
function rig() {
  const clock = { ms: 1_000 };
  const flushed: string[] = [];
  const turn = new LoopTurn(() => clock.ms);
  const output = (name: string): Output => ({ flush: () => flushed.push(name) }) as unknown as Output;
  const read = (name: string): void => {
    turn.readBegins(clock.ms);
    turn.markDirty(output(name));
    turn.readEnds();
  };
  return { clock, flushed, turn, output, read };
}

test("the read that wakes a sleeping loop is served at once, what follows in quick succession is gathered over two turns", async () => {
  const { clock, flushed, read } = rig();
  read("first");
  assert.deepEqual(flushed, ["first"]);
  clock.ms += 0.01;
  read("second");
  read("third");
  assert.deepEqual(flushed, ["first"]);
  await immediate();
  assert.deepEqual(flushed, ["first"]);
  read("fourth");
  await immediate();
  assert.deepEqual(flushed, ["first", "second", "third", "fourth"]);
  clock.ms += 1;
  read("fifth");
  assert.deepEqual(flushed.at(-1), "fifth");
});

test("what was put off before a read stays put off until the end of the turn", async () => {
  const { flushed, turn, output, read } = rig();
  turn.markDirty(output("timer"));
  read("read");
  assert.deepEqual(flushed, []);
  await immediate();
  assert.deepEqual(flushed, ["timer", "read"]);
});

test("input that was left over is not put off once more, however busy the loop is", async () => {
  const { clock, flushed, turn, read } = rig();
  read("first");
  clock.ms += 0.01;
  let shares = 0;
  turn.readBegins(clock.ms);
  turn.enqueue({ run: () => ++shares < 1 });
  turn.readEnds();
  await immediate();
  assert.equal(shares, 1);
  assert.deepEqual(flushed, ["first"]);
});

test("what a flush asks for has its turn too", async () => {
  const { flushed, turn, output, read } = rig();
  turn.beforeFlush = () => {
    turn.beforeFlush = () => {};
    turn.markDirty(output("queued"));
  };
  let shares = 0;
  turn.enqueue({ run: () => ++shares < 3 });
  read("read");
  for (let i = 0; i < 4; i++) await immediate();
  assert.deepEqual(flushed, ["read", "queued"]);
  assert.equal(shares, 3);
});
