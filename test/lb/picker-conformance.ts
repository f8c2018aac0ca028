import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { getHeapStatistics } from "node:v8";
import { SeededRandom } from "../../src/base/random.ts";
import { buildCandidates } from "../../src/lb/build-candidates.ts";
import type { CandidateSet } from "../../src/lb/candidate-set.ts";
import { createPicker } from "../../src/lb/create-picker.ts";
import type { LoadBalancingPolicy } from "../../src/resource/load-balancing.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { endpoint } from "../resource/cluster-builder.ts";
import {
  candidatesOf,
  RecordedDraws,
  RecordedLoads,
  ReplayedDraws,
  request,
  snapshotOf,
} from "./pick-fixture.ts";

const PICKS = 100_000;
/** Five standard deviations of 100,000 independent picks over 10 endpoints are 4.7 % of the mean. */
const EVEN_TOLERANCE = 0.05;
const WEIGHT_TOLERANCE = 0.03;

/** What is asked of every policy. Each policy's test file runs this in a line. */
export function pickerConformance(policy: LoadBalancingPolicy): void {
  describe(`${policy} conforms:`, () => {
    // First, as in a worker: with one kind of draws and loads, before the others below make these calls polymorphic.
    test("a pick allocates nothing", () => {
      for (const weights of [
        [1, 1, 1, 1],
        [1, 2, 4, 8],
      ]) {
        const picker = createPicker(policy, candidatesOf(weights));
        const random = new SeededRandom(17);
        const plain = request();
        const moved = request(0, [picker.candidates.slots[1]!]);
        const loads = { inFlight: (slot: number) => slot & 3 };
        let octetsPerPick = Number.POSITIVE_INFINITY;
        // The first rounds allocate what the compiler needs.
        for (let round = 0; round < 6; round++) {
          const before = getHeapStatistics().total_allocated_bytes;
          for (let i = 0; i < PICKS; i++) {
            picker.pick(plain, loads, random, 0);
            picker.pick(moved, loads, random, 0);
          }
          const octets = getHeapStatistics().total_allocated_bytes - before;
          octetsPerPick = Math.min(octetsPerPick, octets / (2 * PICKS));
        }
        // The smallest object has 16 octets; the heap counts in steps that come to 1 or 2 per pick.
        assert.ok(octetsPerPick < 4, `${octetsPerPick} octets per pick`);
      }
    });

    test("no candidate gives -1, one is always picked, two are both picked", () => {
      assert.deepEqual([...new Set(pickMany(policy, candidatesOf([]), 100))], [-1]);
      assert.deepEqual([...new Set(pickMany(policy, candidatesOf([3]), 100))], [0]);
      for (const weights of [
        [1, 1],
        [1, 5],
      ]) {
        assert.deepEqual([...new Set(pickMany(policy, candidatesOf(weights), 1000))].sort(), [0, 1]);
      }
    });

    test("only candidates are picked, whatever weights and loads", () => {
      const random = new SeededRandom(3);
      for (let round = 0; round < 300; round++) {
        const weights = Array.from({ length: 1 + random.nextInt(20) }, () => 1 + random.nextInt(65_535));
        const candidates = candidatesOf(weights);
        const picker = createPicker(policy, candidates);
        const loads = { inFlight: () => random.nextInt(1000) };
        for (let sequence = 0; sequence < 50; sequence++) {
          const index = picker.pick(request(sequence * 0x1234567), loads, random, 0);
          assert.ok(Number.isInteger(index) && index >= 0 && index < candidates.count, `index ${index}`);
        }
      }
    });

    test(`${PICKS} picks spread over 10 equal endpoints within ${EVEN_TOLERANCE * 100} %`, () => {
      const weights = new Array(10).fill(1);
      assertShares(pickMany(policy, candidatesOf(weights), PICKS), weights, EVEN_TOLERANCE);
      assertShares(pickInFlight(policy, candidatesOf(weights), PICKS, 70), weights, EVEN_TOLERANCE);
    });

    test(`weights 1:2:4 are met within ${WEIGHT_TOLERANCE * 100} %, with nothing in flight and with many`, () => {
      const weights = [1, 2, 4];
      assertShares(pickMany(policy, candidatesOf(weights), PICKS), weights, WEIGHT_TOLERANCE);
      for (const inFlight of [16, 64, 256]) {
        assertShares(pickInFlight(policy, candidatesOf(weights), PICKS, inFlight), weights, WEIGHT_TOLERANCE);
      }
    });

    test("an endpoint tried before is not picked while another is left, and is when none is", () => {
      const random = new SeededRandom(5);
      for (const weights of [
        [1, 1, 1, 1],
        [1, 2, 4, 8],
        [65_535, 1, 1, 1],
      ]) {
        const candidates = candidatesOf(weights);
        const picker = createPicker(policy, candidates);
        for (let sequence = 0; sequence < 2000; sequence++) {
          const tried: number[] = [];
          for (let attempt = 0; attempt < candidates.count; attempt++) {
            const index = picker.pick(request(sequence, tried), new RecordedLoads(), random, 0);
            assert.ok(!tried.includes(candidates.slots[index]!), "a tried one was picked again");
            tried.push(candidates.slots[index]!);
          }
          const again = picker.pick(request(sequence, tried), new RecordedLoads(), random, 0);
          assert.ok(again >= 0 && again < candidates.count);
        }
      }
    });

    // Round robin goes on to the next in order instead.
    if (policy !== "round_robin") {
      test("among those not yet tried, weights are still respected", () => {
        const candidates = candidatesOf([4, 1, 2]);
        const tried = [candidates.slots[0]!];
        assertShares(pickMany(policy, candidates, PICKS, tried), [0, 1, 2], WEIGHT_TOLERANCE);
      });
    }

    test("a record of draws and loads replays to the same endpoint", () => {
      for (const weights of [
        [1, 1, 1, 1, 1],
        [1, 2, 4, 100, 3],
        [1, 65_535],
      ]) {
        const candidates = candidatesOf(weights);
        const picker = createPicker(policy, candidates);
        const random = new SeededRandom(7);
        for (let sequence = 0; sequence < 5000; sequence++) {
          const tried = sequence % 3 === 0 ? [candidates.slots[sequence % candidates.count]!] : [];
          const draws = new RecordedDraws(random);
          const seen = new Map<number, number>();
          const changing = {
            inFlight: (slot: number) => {
              const load = random.nextInt(9);
              seen.set(slot, load);
              return load;
            },
          };
          const picked = picker.pick(request(sequence, tried), changing, draws, sequence);
          const replayed = createPicker(policy, candidates).pick(
            request(sequence, tried),
            { inFlight: (slot) => seen.get(slot) ?? assert.fail("reads a load the record does not have") },
            new ReplayedDraws(draws.drawn),
            sequence,
          );
          assert.equal(replayed, picked);
        }
      }
    });

    test("a pick reads the load of at most two endpoints, and of each once", () => {
      for (const weights of [[1], [1, 1], [1, 65_535], [1, 1, 1, 1], [5, 1, 3, 1]]) {
        const candidates = candidatesOf(weights);
        const picker = createPicker(policy, candidates);
        const random = new SeededRandom(11);
        for (let sequence = 0; sequence < 2000; sequence++) {
          const loads = new RecordedLoads();
          const index = picker.pick(request(sequence), loads, random, 0);
          assert.ok(loads.read.length <= 2);
          assert.equal(new Set(loads.read).size, loads.read.length, "one load was read twice");
          for (const slot of loads.read) assert.ok(candidates.slots.includes(slot), "not a candidate's slot");
          if (loads.read.length > 0) assert.ok(loads.read.includes(candidates.slots[index]!));
        }
      }
    });

    test("across an update survivors keep their state, and endpoints that are gone are picked no more", () => {
      const registry = new SlotRegistry({ workerCount: 1 });
      const loads = new RecordedLoads();
      const random = new SeededRandom(13);
      const numbers = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) => endpoint(from + i));
      const before = buildCandidates(snapshotOf(numbers(0, 6), registry), "zone-a", () => false);
      for (let sequence = 0; sequence < 600; sequence++) {
        const index = createPicker(policy, before).pick(request(sequence), loads, random, 0);
        loads.add(before.slots[index]!, 1);
      }
      const after = buildCandidates(snapshotOf(numbers(2, 8), registry), "zone-a", () => false);
      const survivors = [...before.slots].slice(2);
      assert.deepEqual([...after.slots].slice(0, 4), survivors);
      for (const slot of survivors) assert.ok(loads.bySlot.get(slot)! > 0);
      const picker = createPicker(policy, after);
      const picked = new Set<number>();
      for (let sequence = 0; sequence < 600; sequence++) {
        picked.add(after.slots[picker.pick(request(sequence), loads, random, 0)]!);
      }
      for (const slot of picked) assert.ok(after.slots.includes(slot), "an endpoint that is gone was picked");
      assert.ok(picked.size > 1);
    });
  });
}

/** @returns the candidate index of each pick, with nothing in flight. */
function pickMany(
  policy: LoadBalancingPolicy,
  candidates: CandidateSet,
  count: number,
  tried: number[] = [],
): Int32Array {
  const picker = createPicker(policy, candidates);
  const random = new SeededRandom(1);
  const loads = { inFlight: () => 0 };
  const asked = request(0, tried);
  return Int32Array.from({ length: count }, (_, sequence) => {
    asked.sequence = sequence;
    return picker.pick(asked, loads, random, 0);
  });
}

/** As {@link pickMany}, but with that many streams in flight all the time: before each pick a random one ends. */
function pickInFlight(
  policy: LoadBalancingPolicy,
  candidates: CandidateSet,
  count: number,
  inFlight: number,
): Int32Array {
  const picker = createPicker(policy, candidates);
  const random = new SeededRandom(2);
  const load = new Int32Array(candidates.count + 100);
  const open = new Int32Array(inFlight).fill(-1);
  const loads = { inFlight: (slot: number) => load[slot]! };
  const asked = request();
  return Int32Array.from({ length: count }, (_, sequence) => {
    const ending = random.nextInt(inFlight);
    if (open[ending]! >= 0) load[open[ending]!]!--;
    asked.sequence = sequence;
    const index = picker.pick(asked, loads, random, 0);
    open[ending] = candidates.slots[index]!;
    load[open[ending]!]!++;
    return index;
  });
}

/** Each candidate's share of the picks is its weight's, within `tolerance` of it. */
export function assertShares(picked: Int32Array, weights: readonly number[], tolerance: number): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  weights.forEach((weight, index) => {
    const count = picked.reduce((sum, pick) => sum + (pick === index ? 1 : 0), 0);
    const wanted = (picked.length * weight) / total;
    const message = `candidate ${index} of weight ${weight}: ${count} picks, wanted ${Math.round(wanted)}`;
    assert.ok(Math.abs(count - wanted) <= wanted * tolerance, message);
  });
}
