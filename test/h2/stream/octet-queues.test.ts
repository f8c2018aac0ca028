import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { Slab } from "../../../src/base/slab.ts";
import { OctetQueues } from "../../../src/h2/stream/octet-queues.ts";
import { firstForeignOctet, keyedBody } from "../../support/keyed-body.ts";

function makeQueues(): { slab: Slab; queues: OctetQueues; input: number } {
  const slab = new Slab({ capacityOctets: 8 * 2 ** 20, poison: true });
  const input = slab.alloc(65_536);
  return { slab, queues: new OctetQueues(slab, 8), input };
}

test("octets come out as they went in, whatever the sizes of parts", () => {
  const random = new SeededRandom(5);
  const { slab, queues, input } = makeQueues();
  const base = slab.usedOctets;
  const put = new Array(8).fill(0);
  const taken = new Array(8).fill(0);
  for (let step = 0; step < 4000; step++) {
    const slot = random.nextInt(8);
    const sizes = [1, 100, 500, 600, 3000, 20_000, 65_536];
    if (random.nextFloat() < 0.5) {
      const length = 1 + random.nextInt(sizes[random.nextInt(sizes.length)]!);
      if (slab.usedOctets > 4 * 2 ** 20) continue;
      keyedBody(slot, length, put[slot]).copy(slab.bytes, input);
      assert.ok(queues.append(slot, input, length, slab.capacityOctets));
      put[slot] += length;
    } else if (queues.head[slot] !== 0) {
      const block = queues.head[slot]!;
      const length = 1 + random.nextInt(queues.length(block));
      const start = queues.start(block);
      const part = slab.bytes.subarray(start, start + length);
      assert.equal(firstForeignOctet(slot, part, taken[slot]), -1);
      queues.shift(slot, length);
      taken[slot] += length;
    }
    assert.equal(queues.octets[slot], put[slot] - taken[slot]);
  }
  for (let slot = 0; slot < 8; slot++) queues.clear(slot);
  assert.equal(slab.usedOctets, base);
});

test("a queue takes small blocks for small contents", () => {
  const { slab, queues, input } = makeQueues();
  const base = slab.usedOctets;
  queues.append(1, input, 100, slab.capacityOctets);
  queues.append(1, input, 100, slab.capacityOctets);
  assert.equal(slab.usedOctets - base, 512);
  queues.clear(1);
});

test("an append beyond the share it may use is refused, and what was there can be given back", () => {
  const { slab, queues, input } = makeQueues();
  const base = slab.usedOctets;
  assert.ok(!queues.append(1, input, 60_000, base + 40_000));
  queues.clear(1);
  assert.equal(slab.usedOctets, base);
  assert.equal(queues.octets[1], 0);
});
