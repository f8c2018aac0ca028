import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { BLOCK_OCTETS, Slab } from "../../src/base/slab.ts";

const PAGE_OCTETS = 262_144;

function makeSlab(pages: number): Slab {
  return new Slab({ capacityOctets: pages * PAGE_OCTETS, poison: true });
}

/** Takes blocks of one size until there are no more. */
function exhaust(slab: Slab, octets: number): number[] {
  const blocks: number[] = [];
  for (let block = slab.alloc(octets); block !== 0; block = slab.alloc(octets)) blocks.push(block);
  return blocks;
}

test("a block has at least the size asked for, rounded up to the next block size", () => {
  const slab = makeSlab(8);
  for (const octets of [1, 511, 512, 513, 2048, 2049, 16_384, 16_385, 65_536, 65_537, 262_144]) {
    const block = slab.alloc(octets);
    const wanted = BLOCK_OCTETS.find((size) => size >= octets);
    assert.equal(slab.sizeOf(block), wanted);
    assert.equal(slab.usedOctets, wanted);
    slab.free(block);
    assert.equal(slab.usedOctets, 0);
  }
});

test("offset 0 is never handed out, so that it can stand for none", () => {
  const slab = makeSlab(2);
  const blocks = exhaust(slab, 512);
  assert.ok(blocks.every((block) => block > 0));
  assert.equal(blocks.length, 2 * 512 - 1);
  assert.equal(slab.alloc(1), 0);
});

test("what was freed last is handed out first", () => {
  const slab = makeSlab(2);
  const [first, second] = [slab.alloc(2048), slab.alloc(2048)];
  slab.free(first);
  slab.free(second);
  assert.deepEqual([slab.alloc(2048), slab.alloc(2048)], [second, first]);
});

test("pages of one size serve every other size once they are free", () => {
  const slab = makeSlab(6);
  for (let round = 0; round < 3; round++) {
    for (const octets of BLOCK_OCTETS) {
      const blocks = exhaust(slab, octets);
      // The first page holds the block that stands for none; other sizes find it taken.
      assert.ok(blocks.length * octets >= 5 * PAGE_OCTETS, `${blocks.length} blocks of ${octets}`);
      for (const block of blocks) slab.free(block);
      assert.equal(slab.usedOctets, 0);
    }
  }
});

test("a page that is wholly free serves other sizes, wherever its size's list has it", () => {
  const slab = makeSlab(3);
  const blocks = exhaust(slab, 65_536);
  const pageOf = (block: number) => Math.trunc(block / PAGE_OCTETS);
  const pages = Map.groupBy(blocks, pageOf);
  const [kept, used] = [...pages.values()];
  // The one page becomes wholly free, and after it a block of the other.
  for (const block of kept!) slab.free(block);
  slab.free(used![0]!);
  assert.ok(slab.alloc(262_144) > 0, "a free page was not found");
});

test("a block freed twice, or never handed out, is caught in debug mode", () => {
  const slab = makeSlab(2);
  const block = slab.alloc(512);
  slab.free(block);
  assert.throws(() => slab.free(block), /freed twice/);
  assert.throws(() => slab.free(block + 512), /never handed out/);
  const large = slab.alloc(65_536);
  assert.throws(() => slab.free(large + 512), /never handed out/);
});

test("freed octets are poisoned in debug mode, and its neighbours' are not", () => {
  const slab = makeSlab(2);
  const [before, block, after] = [slab.alloc(512), slab.alloc(512), slab.alloc(512)];
  slab.bytes.fill(7, before, after + 512);
  slab.free(block);
  assert.ok(slab.bytes.subarray(block, block + 512).every((octet) => octet === 0xdb));
  assert.ok(slab.bytes.subarray(before, before + 512).every((octet) => octet === 7));
  assert.ok(slab.bytes.subarray(after, after + 512).every((octet) => octet === 7));
});

test("capacities below two pages and above 1 GiB are refused", () => {
  assert.throws(() => makeSlab(1), RangeError);
  assert.throws(() => new Slab({ capacityOctets: 2 ** 30 + 1, poison: false }), RangeError);
});

test("blocks in use never overlap and the count of octets is right, in any order of calls", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const slab = makeSlab(2 + random.nextInt(6));
    const owner = new Map<number, { size: number; mark: number }>();
    let used = 0;
    for (let step = 0; step < 3000; step++) {
      if (random.nextFloat() < 0.55) {
        const size = BLOCK_OCTETS[random.nextInt(BLOCK_OCTETS.length)]! - random.nextInt(100);
        const block = slab.alloc(size);
        if (block === 0) continue;
        assert.ok(!owner.has(block), "a block handed out twice");
        const mark = 1 + random.nextInt(200);
        const whole = slab.sizeOf(block);
        assert.ok(block + whole <= slab.capacityOctets);
        // Marks at both ends are enough to see an overlap: sizes are multiples of 512 and blocks are aligned.
        for (let at = block; at < block + whole; at += 512) slab.bytes[at] = mark;
        owner.set(block, { size: whole, mark });
        used += whole;
      } else {
        const block = [...owner.keys()][random.nextInt(Math.max(owner.size, 1))];
        if (block === undefined) continue;
        const { size, mark } = owner.get(block)!;
        for (let at = block; at < block + size; at += 512) assert.equal(slab.bytes[at], mark);
        owner.delete(block);
        slab.free(block);
        used -= size;
      }
      assert.equal(slab.usedOctets, used);
    }
    for (const block of owner.keys()) slab.free(block);
    assert.equal(slab.usedOctets, 0);
  }
});
