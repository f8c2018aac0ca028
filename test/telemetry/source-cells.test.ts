import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { REQUEST_CELLS } from "../../src/telemetry/request-cell.ts";
import { addSources, countSource, SOURCE_CELLS } from "../../src/telemetry/source-cells.ts";
import { OTHER_SOURCE, SourceNames, UNKNOWN_SOURCE } from "../../src/telemetry/source-names.ts";

/** Cells before and after those under test: nobody may touch them. */
const AROUND = 3;

function row(): Float64Array {
  return new Float64Array(SOURCE_CELLS + 2 * AROUND).fill(0);
}

function read(cells: Float64Array): Map<number, number> {
  const counts = new Map<number, number>();
  addSources(cells, AROUND, counts);
  return counts;
}

describe("requests counted by source", () => {
  it("are counted exactly for as many combinations as a node's services have", () => {
    const cells = row();
    const random = new SeededRandom(7);
    const expected = new Map<number, number>();
    for (let i = 0; i < 10_000; i++) {
      const [source, cell] = [1 + random.nextInt(12), random.nextInt(4) * 17];
      const key = source * REQUEST_CELLS + cell;
      expected.set(key, (expected.get(key) ?? 0) + 1);
      countSource(cells, AROUND, source, cell);
    }
    assert.deepEqual(new Map([...read(cells)].sort()), new Map([...expected].sort()));
  });

  it("beyond what there is room for count as of others, and none is lost", () => {
    const cells = row();
    for (let round = 0; round < 3; round++)
      for (let source = 1; source <= 500; source++) countSource(cells, AROUND, source, source % 3);
    const counts = [...read(cells)];
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    assert.equal(total, 1_500);
    const own = counts.filter(([key]) => Math.floor(key / REQUEST_CELLS) !== OTHER_SOURCE);
    assert.ok(own.length > 100, `${own.length} combinations have a count of their own`);
    for (const [, count] of own) assert.equal(count, 3);
  });

  it("stay within their cells", () => {
    const cells = row();
    for (let source = 1; source < 4_000; source++) countSource(cells, AROUND, source, source % REQUEST_CELLS);
    for (let i = 0; i < AROUND; i++) assert.deepEqual([cells[i], cells.at(-1 - i)], [0, 0]);
  });
});

describe("numbers of namespaces", () => {
  it("stay theirs, and what is beyond the last one is of others", () => {
    const names = new SourceNames();
    assert.deepEqual([names.numberOf("shop"), names.numberOf("bank"), names.numberOf("shop")], [1, 2, 1]);
    for (let i = 0; i < 5_000; i++) names.numberOf(`preview-${i}`);
    assert.equal(names.numberOf("one-more"), OTHER_SOURCE);
    assert.deepEqual([names.nameOf(1), names.nameOf(OTHER_SOURCE)], ["shop", "other"]);
  });

  it("are no namespace's own where its name is that of what is not told apart", () => {
    const names = new SourceNames();
    assert.deepEqual([names.numberOf("unknown"), names.numberOf("other")], [UNKNOWN_SOURCE, OTHER_SOURCE]);
  });
});
