import assert from "node:assert/strict";
import { test } from "node:test";
import { Slab } from "../../src/base/slab.ts";
import { Output } from "../../src/h2/output.ts";
import { OctetPort } from "../support/octet-port.ts";

interface Rig {
  readonly slab: Slab;
  readonly port: OctetPort;
  readonly output: Output;
  readonly dirtied: () => number;
  put(text: string, room?: number): void;
}

function makeRig(): Rig {
  const slab = new Slab({ capacityOctets: 2 ** 20, poison: true });
  const port = new OctetPort(slab);
  let dirtied = 0;
  const output = new Output(slab, port, () => dirtied++);
  port.output = output;
  const put = (text: string, room = text.length): void => {
    const at = output.reserve(room);
    assert.ok(at > 0);
    slab.bytes.write(text, at, "latin1");
    output.commit(at + text.length);
  };
  return { slab, port, output, dirtied: () => dirtied, put };
}

test("what is said in one turn leaves in one write, and its block comes back", () => {
  const { slab, port, output, dirtied, put } = makeRig();
  put("one ", 300);
  put("two ");
  put("three", 2000);
  assert.equal(dirtied(), 1);
  assert.equal(port.take().length, 0);
  output.flush();
  assert.equal(port.take().toString(), "one two three");
  assert.equal(slab.usedOctets, 0);
  put("four");
  assert.equal(dirtied(), 2);
  output.destroy();
});

test("room that was reserved and not used is nobody's", () => {
  const { slab, port, output } = makeRig();
  assert.ok(output.reserve(100) > 0);
  output.flush();
  assert.equal(port.take().length, 0);
  assert.equal(slab.usedOctets, 0);
});

test("kept writes leave in order, and each gives back its own octets", () => {
  const { slab, port, output, put } = makeRig();
  port.keeps = () => true;
  for (const text of ["a".repeat(100), "b".repeat(30_000), "c".repeat(5)]) {
    put(text);
    output.flush();
  }
  assert.equal(output.backlogOctets, 30_105);
  port.release();
  assert.equal(output.backlogOctets, 30_005);
  port.release();
  port.release();
  assert.equal(port.take().toString(), "a".repeat(100) + "b".repeat(30_000) + "c".repeat(5));
  assert.equal(slab.usedOctets, 0);
});

test("when the memory is used up it fails and stays failed, without touching what is kept", () => {
  const { slab, port, output, put } = makeRig();
  port.keeps = () => true;
  put("kept");
  output.flush();
  const taken: number[] = [];
  for (const octets of [16_384, 512]) {
    for (let block = slab.alloc(octets); block !== 0; block = slab.alloc(octets)) taken.push(block);
  }
  assert.equal(output.reserve(10), 0);
  assert.ok(output.failed);
  for (const block of taken) slab.free(block);
  assert.equal(output.reserve(10), 0);
  port.release();
  assert.equal(port.take().toString(), "kept");
  assert.equal(slab.usedOctets, 0);
});

test("a smaller block serves when there is no large one left", () => {
  const { slab, port, output, put } = makeRig();
  const taken: number[] = [];
  for (let block = slab.alloc(16_384); block !== 0; block = slab.alloc(16_384)) taken.push(block);
  slab.free(taken.pop()!);
  put("x".repeat(10_000));
  output.flush();
  assert.equal(port.take().length, 10_000);
});

test("destroyed, it gives all blocks back and fails quietly", () => {
  const { slab, port, output, put } = makeRig();
  port.keeps = () => true;
  put("kept");
  output.flush();
  put("unsaid");
  output.destroy();
  assert.equal(slab.usedOctets, 0);
  assert.equal(output.reserve(5), 0);
  output.flush();
});
