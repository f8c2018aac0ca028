import assert from "node:assert/strict";
import { test } from "node:test";
import type { GateEntry } from "../../src/net/handshake-gate.ts";
import { HandshakeGate } from "../../src/net/handshake-gate.ts";

function entries(count: number, entered: number[]): GateEntry[] {
  return Array.from({ length: count }, (_, i) => ({ enter: () => void entered.push(i) }));
}

test("as many as the limit enter at once, the others as room comes back, in their order", () => {
  const gate = new HandshakeGate(2);
  const entered: number[] = [];
  const all = entries(5, entered);
  for (const each of all) gate.ask(each);
  assert.deepEqual(entered, [0, 1]);
  assert.deepEqual([gate.inside, gate.waiting], [2, 3]);
  gate.leave(all[1]!);
  assert.deepEqual(entered, [0, 1, 2]);
  for (const each of all) gate.leave(each);
  assert.deepEqual(entered, [0, 1, 2, 3, 4]);
  for (const each of all) gate.leave(each);
  assert.deepEqual([gate.inside, gate.waiting], [0, 0]);
});

test("who gives up while waiting never enters, and who leaves twice makes room once", () => {
  const gate = new HandshakeGate(1);
  const entered: number[] = [];
  const all = entries(4, entered);
  for (const each of all) gate.ask(each);
  gate.leave(all[1]!);
  gate.leave(all[0]!);
  gate.leave(all[0]!);
  assert.deepEqual(entered, [0, 2]);
  assert.deepEqual([gate.inside, gate.waiting], [1, 1]);
});

test("one that leaves as soon as it has entered lets the next one in", () => {
  const gate = new HandshakeGate(1);
  const entered: number[] = [];
  const all: GateEntry[] = Array.from({ length: 3 }, (_, i) => ({
    enter: () => {
      entered.push(i);
      gate.leave(all[i]!);
    },
  }));
  for (const each of all) gate.ask(each);
  assert.deepEqual(entered, [0, 1, 2]);
  assert.equal(gate.inside, 0);
});
