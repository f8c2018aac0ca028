import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import type { Output } from "../../src/h2/output.ts";
import { LoopTurn } from "../../src/net/loop-turn.ts";
import type { Runnable } from "../../src/net/run-queue.ts";

function runnable(run: () => boolean): Runnable {
  return { callerClass: 0, nextInTurn: undefined, run };
}

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
  turn.enqueue(runnable(() => ++shares < 1));
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
  turn.enqueue(runnable(() => ++shares < 3));
  read("read");
  for (let i = 0; i < 4; i++) await immediate();
  assert.deepEqual(flushed, ["read", "queued"]);
  assert.equal(shares, 3);
});

test("work for nobody in particular has one share in each turn, beside what connections read", async () => {
  const { clock, flushed, turn, read } = rig();
  let shares = 0;
  turn.doInShares({ run: () => ++shares < 3 });
  for (let n = 1; n <= 3; n++) {
    assert.equal(shares, n - 1);
    read(`read ${n}`);
    await immediate();
    assert.equal(shares, n);
    assert.equal(flushed.at(-1), `read ${n}`);
  }
  clock.ms += 1;
  read("after it");
  await immediate();
  assert.equal(shares, 3);
});

test("such work has one share in a turn, however many ask for it, and each in turn", async () => {
  const { turn } = rig();
  const order: string[] = [];
  for (const [name, shares] of [
    ["a", 3],
    ["b", 1],
    ["c", 2],
  ] as const) {
    let left: number = shares;
    turn.doInShares({
      run: () => {
        order.push(name);
        return --left > 0;
      },
    });
  }
  for (let turns = 1; turns <= 6; turns++) {
    await immediate();
    assert.equal(order.length, turns);
  }
  assert.deepEqual(order, ["a", "b", "c", "a", "c", "a"]);
  await immediate();
  assert.equal(order.length, 6);
});

test("what has been said may go out before the turn ends, and goes out once", async () => {
  const { flushed, turn, output } = rig();
  turn.markDirty(output("first"));
  turn.flush();
  assert.deepEqual(flushed, ["first"]);
  turn.markDirty(output("second"));
  turn.flush();
  await immediate();
  assert.deepEqual(flushed, ["first", "second"]);
});
