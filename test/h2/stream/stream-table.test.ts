import assert from "node:assert/strict";
import { test } from "node:test";
import { Slab } from "../../../src/base/slab.ts";
import { StreamTable } from "../../../src/h2/stream/stream-table.ts";

test("a table gives its capacity of slots and no more, never slot 0, freed ones first", () => {
  const table = new StreamTable(new Slab({ capacityOctets: 2 ** 19, poison: true }), 3);
  assert.deepEqual([table.take(), table.take(), table.take(), table.take()], [1, 2, 3, 0]);
  assert.equal(table.used, 3);
  table.release(2);
  table.release(1);
  assert.deepEqual([table.take(), table.take(), table.take()], [1, 2, 0]);
});

test("nothing of a stream is left in the slot of the next", () => {
  const table = new StreamTable(new Slab({ capacityOctets: 2 ** 19, poison: true }), 1);
  const slot = table.take();
  table.id[slot] = 9;
  table.bits[slot] = 255;
  table.recvPending[slot] = 7;
  table.trailersBlock[slot] = 512;
  table.trailersOctets[slot] = 5;
  table.contentRemaining[slot] = 100;
  table.release(slot);
  assert.equal(table.id[slot], 0);
  assert.equal(table.take(), slot);
  assert.deepEqual(
    [table.bits, table.recvPending, table.trailersBlock, table.trailersOctets].map((column) => column[slot]),
    [0, 0, 0, 0],
  );
  assert.equal(table.contentRemaining[slot], -1);
});
