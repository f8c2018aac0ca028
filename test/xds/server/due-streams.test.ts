import assert from "node:assert/strict";
import { it } from "node:test";
import { DueStreams } from "../../../src/xds/server/due-streams.ts";

const range = (length: number, from = 0): number[] => Array.from({ length }, (_, n) => from + n);

function takeAll(due: DueStreams<number>): number[] {
  const taken: number[] = [];
  for (let next = due.take(); next !== undefined; next = due.take()) taken.push(next);
  return taken;
}

it("every stream has one turn, however many changes concern it", () => {
  const due = new DueStreams<number>();
  due.add(range(10));
  due.add(range(10, 5));
  due.add([3]);
  assert.equal(due.size, 15);
  assert.deepEqual(
    takeAll(due).sort((a, b) => a - b),
    range(15),
  );
  assert.equal(due.size, 0);
  due.add([3]);
  assert.deepEqual(takeAll(due), [3], "and another one with the next change");
});

it("a change for few does not wait for one for many, and that one goes on", () => {
  const due = new DueStreams<number>();
  due.add(range(1_000));
  assert.equal(due.take()! < 1_000, true);
  due.add(range(5, 2_000));
  const next = range(10).map(() => due.take()!);
  assert.equal(next.filter((stream) => stream >= 2_000).length, 5, `${next}`);
  assert.equal(next.filter((stream) => stream < 1_000).length, 5, `${next}`);
});

it("changes for few that never end leave every second turn to one for many", () => {
  const due = new DueStreams<number>();
  due.add(range(100));
  let few = 100;
  let turns = 0;
  for (let left = 100; left > 0; turns++) {
    due.add([few++]);
    if (due.take()! < 100) left--;
  }
  assert.ok(turns <= 200, `${turns} turns`);
});

it("nobody is always the last", () => {
  const due = new DueStreams<number>();
  const sums = new Array<number>(8).fill(0);
  for (let change = 0; change < 100; change++) {
    due.add(range(8));
    for (const [turn, stream] of takeAll(due).entries()) sums[stream]! += turn;
  }
  for (const sum of sums) assert.ok(Math.abs(sum / 100 - 3.5) < 0.5, `${sums}`);
});

it("a stream that is gone has no turn", () => {
  const due = new DueStreams<number>();
  due.add(range(3));
  due.delete(1);
  assert.deepEqual(takeAll(due).sort(), [0, 2]);
});
