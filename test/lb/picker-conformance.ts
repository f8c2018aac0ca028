import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { getHeapStatistics } from "node:v8";
import { SeededRandom } from "../../src/base/random.ts";
import type { CandidateSet } from "../../src/lb/candidate-set.ts";
import { CONFORMANCE_CHECKS } from "../../src/lb/conformance/conformance-checks.ts";
import { plainCandidates } from "../../src/lb/conformance/conformance-subject.ts";
import { judgePolicy } from "../../src/lb/conformance/judge-policy.ts";
import { createPicker } from "../../src/lb/create-picker.ts";
import { MAX_PICK_US } from "../../src/lb/module/policy-watch.ts";
import type { Picker } from "../../src/lb/picker.ts";
import type { LoadBalancing } from "../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { RecordedLoads, request } from "./pick-fixture.ts";

const PICKS = 100_000;

/** What is asked of a policy's shares. Defaults: those of policies that are exact. */
export interface ShareTolerances {
  /** Five standard deviations of 100,000 independent picks over 10 endpoints are 4.7 % of the mean. */
  readonly even?: number;
  readonly weighted?: number;
  /** Whether weights hold among those not tried yet; round robin goes on to the next in order instead. */
  readonly afterTries?: boolean;
}

/** What is asked of every policy that comes with the product. Each policy's test file runs this in a line. */
export function pickerConformance(
  changes: Partial<LoadBalancing>,
  { even = 0.05, weighted = 0.03, afterTries = changes.policy !== "round_robin" }: ShareTolerances = {},
): void {
  const settings = { ...LOAD_BALANCING_DEFAULTS, ...changes };
  const make = (candidates: CandidateSet): Picker => createPicker(settings, candidates);
  describe(`${settings.policy} of ${settings.choiceCount} conforms:`, () => {
    // First, as in a worker: with one kind of draws and loads, before the others below make these calls polymorphic.
    test("a pick allocates nothing", () => {
      for (const weights of [
        [1, 1, 1, 1],
        [1, 2, 4, 8],
      ]) {
        const picker = make(plainCandidates(weights));
        while (picker.prepare?.() === true);
        const random = new SeededRandom(17);
        const plain = request();
        const moved = request(0, [picker.candidates.slots[1]!]);
        const loads = {
          inFlight: (slot: number) => slot & 3,
          load: (slot: number) => slot & 3,
          total: () => 6,
        };
        let octetsPerPick = Number.POSITIVE_INFINITY;
        // The first rounds allocate what the compiler needs.
        for (let round = 0; round < 6; round++) {
          const before = getHeapStatistics().total_allocated_bytes;
          for (let i = 0; i < PICKS; i++) {
            plain.hash = i & 0xffff;
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

    for (const { title, run } of CONFORMANCE_CHECKS) test(title, () => assert.equal(run(make), undefined));

    test(`judged as a team's own policy is, it is good, in less than ${MAX_PICK_US} µs`, () => {
      assert.deepEqual(
        judgePolicy(make, () => performance.now() * 1000),
        [],
      );
    });

    test(`${PICKS} picks spread over 10 equal endpoints within ${even * 100} %`, () => {
      const weights = new Array<number>(10).fill(1);
      assertShares(pickMany(make, weights, PICKS), weights, even);
    });

    test(`weights 1:2:4 hold within ${weighted * 100} %, with nothing in flight and with many`, () => {
      const weights = [1, 2, 4];
      assertShares(pickMany(make, weights, PICKS), weights, weighted);
      for (const inFlight of [16, 64, 256]) {
        assertShares(pickInFlight(make, weights, PICKS, inFlight), weights, weighted);
      }
    });

    if (afterTries) {
      test("among those not yet tried, weights are still respected", () => {
        const tried = [plainCandidates([4, 1, 2]).slots[0]!];
        assertShares(pickMany(make, [4, 1, 2], PICKS, tried), [0, 1, 2], weighted);
      });
    }

    test("endpoints that are gone are picked no more, and those that are left still are", () => {
      const before = plainCandidates([1, 1, 1, 1, 1, 1]);
      const after = {
        ...before,
        count: 4,
        slots: before.slots.slice(2),
        weights: before.weights.slice(2),
        keyHashes: before.keyHashes!.slice(4),
      };
      const random = new SeededRandom(13);
      const picker = make(after);
      const picked = new Set<number>();
      for (let sequence = 0; sequence < 600; sequence++) {
        picked.add(after.slots[picker.pick(request(sequence), new RecordedLoads(), random, 0)]!);
      }
      assert.deepEqual([...picked].sort(), [...after.slots].sort());
    });
  });
}

/** @returns the candidate index of each pick, with nothing in flight. */
function pickMany(
  make: (candidates: CandidateSet) => Picker,
  weights: readonly number[],
  count: number,
  tried: number[] = [],
): Int32Array {
  const picker = make(plainCandidates(weights));
  const random = new SeededRandom(1);
  const loads = { inFlight: () => 0, load: () => 0, total: () => 0 };
  const asked = request(0, tried);
  return Int32Array.from({ length: count }, (_, sequence) => {
    asked.sequence = sequence;
    return picker.pick(asked, loads, random, 0);
  });
}

/** As {@link pickMany}, but with that many streams in flight all the time: before each pick a random one ends. */
function pickInFlight(
  make: (candidates: CandidateSet) => Picker,
  weights: readonly number[],
  count: number,
  inFlight: number,
): Int32Array {
  const candidates = plainCandidates(weights);
  const picker = make(candidates);
  const random = new SeededRandom(2);
  const load = new Int32Array(candidates.count * 2 + 100);
  const open = new Int32Array(inFlight).fill(-1);
  const read = (slot: number): number => load[slot]!;
  const loads = { inFlight: read, load: read, total: () => inFlight };
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
