import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SeededRandom } from "../../../src/base/random.ts";
import {
  MAX_DRAWS,
  MAX_READS,
  MAX_RECORD_WORDS,
  MAX_TRIED,
  PickCause,
  ReadKind,
} from "../../../src/lb/record/pick-layout.ts";
import type { PickRecord } from "../../../src/lb/record/pick-record.ts";
import { newestRecords, readRecords } from "../../../src/lb/record/pick-record.ts";
import { PickRing } from "../../../src/lb/record/pick-ring.ts";
import { RecordingDraws } from "../../../src/lb/record/recording-draws.ts";
import { RecordingLoads } from "../../../src/lb/record/recording-loads.ts";

interface Wanted extends Omit<PickRecord, "number"> {}

function write(ring: PickRing, pick: Wanted): boolean {
  const draws = new RecordingDraws(new SeededRandom(1));
  const loads = new RecordingLoads({
    inFlight: () => 0,
    load: () => 0,
    total: () => 0,
    own: () => 0,
    usual: () => 0,
  });
  draws.count = pick.draws.length;
  draws.values.set(pick.draws.slice(0, MAX_DRAWS));
  loads.count = pick.reads.length;
  pick.reads.slice(0, MAX_READS).forEach(({ slot, kind, value }, i) => {
    loads.slots[i] = slot;
    loads.kinds[i] = kind;
    loads.values[i] = value;
  });
  const request = {
    sequence: pick.sequence,
    hash: pick.hash,
    triedCount: pick.tried.length,
    tried: Int32Array.from(pick.tried),
  };
  return ring.write(pick.view, pick.cause, request, loads, draws, pick.nowMs, pick.picked);
}

const pick: fc.Arbitrary<Wanted> = fc.record(
  {
    view: fc.integer({ min: 1, max: 1_000_000 }),
    cause: fc.constantFrom(...Object.values(PickCause)),
    nowMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
    sequence: fc.integer({ min: 0, max: 0xffffffff }),
    hash: fc.integer({ min: 0, max: 0xffffffff }),
    picked: fc.integer({ min: -1, max: 16_383 }),
    tried: fc.array(fc.integer({ min: 0, max: 16_383 }), { maxLength: MAX_TRIED }),
    draws: fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: MAX_DRAWS }),
    reads: fc.array(
      fc.record(
        {
          slot: fc.integer({ min: -1, max: 16_383 }),
          kind: fc.constantFrom(...Object.values(ReadKind)),
          value: fc.double({ noNaN: true }),
        },
        { noNullPrototype: true },
      ),
      { maxLength: MAX_READS },
    ),
  },
  { noNullPrototype: true },
);

describe("a ring of picks", () => {
  it("gives back the newest records exactly, whatever their lengths, and says of every other one that it is gone", () => {
    fc.assert(
      fc.property(
        fc.array(pick, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 400 }),
        (picks, size) => {
          const dropped: number[] = [];
          const ring = new PickRing(size, (view) => dropped.push(view));
          for (const [i, each] of picks.entries()) {
            assert.equal(write(ring, each), true);
            const kept = [...readRecords(ring.copy())];
            assert.equal(kept.length, ring.count);
            const from = i + 1 - kept.length;
            assert.deepEqual(
              kept,
              picks.slice(from, i + 1).map((wanted, at) => ({ ...wanted, number: from + at + 1 })),
            );
            assert.deepEqual(
              dropped,
              picks.slice(0, from).map(({ view }) => view),
            );
            assert.deepEqual([...readRecords(ring.newest())], [{ ...each, number: i + 1 }]);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("holds as many usual records as it was asked to", () => {
    const ring = new PickRing(5000, () => {});
    const usual: Wanted = {
      view: 1,
      cause: 0,
      nowMs: 1,
      sequence: 1,
      hash: 0,
      picked: 3,
      tried: [],
      draws: [0.25, 0.5],
      reads: [1, 2].flatMap((slot) => [
        { slot, kind: 0, value: 1 },
        { slot, kind: 1, value: 1.5 },
      ]),
    };
    for (let i = 0; i < 12_345; i++) write(ring, { ...usual, sequence: i });
    assert.equal(ring.count, 5000);
    const kept = [...readRecords(ring.copy())];
    assert.deepEqual(
      kept.map(({ sequence }) => sequence),
      Array.from({ length: 5000 }, (_, i) => 7345 + i),
    );
    assert.deepEqual([...readRecords(newestRecords(ring.copy(), 3))], kept.slice(-3));
    assert.deepEqual([...readRecords(newestRecords(ring.copy(), 9999))], kept);
  });

  it("does not keep a pick that is longer than a record may be, and is none the worse for it", () => {
    const ring = new PickRing(1, () => {});
    const short: Wanted = {
      view: 1,
      cause: 0,
      nowMs: 0,
      sequence: 0,
      hash: 0,
      picked: 0,
      tried: [],
      draws: [],
      reads: [],
    };
    assert.equal(write(ring, short), true);
    const read = { slot: 1, kind: 0 as const, value: 1 };
    for (const long of [
      { ...short, reads: Array(MAX_READS + 1).fill(read) },
      { ...short, draws: Array(MAX_DRAWS + 1).fill(0.5) },
      { ...short, tried: Array(MAX_TRIED + 1).fill(1) },
    ])
      assert.equal(write(ring, long), false);
    assert.deepEqual([...readRecords(ring.copy())], [{ ...short, number: 1 }]);
  });

  it("says where octets from elsewhere do not hold together, and never reads beyond them", () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < 2000; round++) {
      const words = new Float64Array(random.nextInt(3 * MAX_RECORD_WORDS));
      const cells = new Uint32Array(words.buffer);
      for (let i = 0; i < cells.length; i += 1 + random.nextInt(20)) cells[i] = random.nextInt(64);
      try {
        for (const record of readRecords(words)) assert.ok(record.reads.length <= MAX_READS * 2);
      } catch (error) {
        assert.match((error as Error).message, /^record at word \d+: /);
      }
    }
  });
});
