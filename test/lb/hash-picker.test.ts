import assert from "node:assert/strict";
import { test } from "node:test";
import { mixBits } from "../../src/base/hash-octets.ts";
import { SeededRandom } from "../../src/base/random.ts";
import type { CandidateSet } from "../../src/lb/candidate-set.ts";
import { plainCandidates } from "../../src/lb/conformance/conformance-subject.ts";
import { createPicker } from "../../src/lb/create-picker.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { RecordedLoads, request } from "./pick-fixture.ts";
import { pickerConformance } from "./picker-conformance.ts";

const { hash } = LOAD_BALANCING_DEFAULTS;
/** A ring's shares are as even as the square root of its points per endpoint. */
const FINE_RING = { ...hash, minRingSize: 16_384 };

pickerConformance(
  { policy: "ring_hash", hash: FINE_RING },
  { even: 0.06, weighted: 0.05, afterTries: false },
);
const POLICIES = ["ring_hash", "maglev"] as const;
const HASHES = Array.from({ length: 20_000 }, (_, i) => mixBits(i + 1) || 1);

/** By hash: the endpoint's slot. */
function ownersOf(policy: (typeof POLICIES)[number], candidates: CandidateSet, balanceFactor = 0): number[] {
  const settings = { ...LOAD_BALANCING_DEFAULTS, policy, hash: { ...hash, balanceFactor } };
  const picker = createPicker(settings, candidates);
  const random = new SeededRandom(1);
  const loads = new RecordedLoads();
  return HASHES.map((value) => {
    const asked = request();
    asked.hash = value;
    return candidates.slots[picker.pick(asked, loads, random, 0)]!;
  });
}

function without(candidates: CandidateSet, index: number): CandidateSet {
  const keep = [...candidates.slots.keys()].filter((i) => i !== index);
  return {
    ...candidates,
    count: keep.length,
    slots: Int32Array.from(keep, (i) => candidates.slots[i]!),
    weights: Float64Array.from(keep, (i) => candidates.weights[i]!),
    keyHashes: Uint32Array.from(keep.flatMap((i) => [...candidates.keyHashes!.slice(2 * i, 2 * i + 2)])),
  };
}

for (const policy of POLICIES) {
  test(`${policy}: equal hashes stay together, whatever is drawn and in whatever order endpoints are listed`, () => {
    const candidates = plainCandidates([1, 1, 1, 1, 1, 1, 1]);
    const turned: CandidateSet = {
      ...candidates,
      slots: candidates.slots.toReversed(),
      keyHashes: Uint32Array.from(
        [6, 5, 4, 3, 2, 1, 0].flatMap((i) => [...candidates.keyHashes!.slice(2 * i, 2 * i + 2)]),
      ),
    };
    assert.deepEqual(ownersOf(policy, candidates), ownersOf(policy, turned));
  });

  test(`${policy}: when one of 20 endpoints goes, its hashes move and few others do`, () => {
    const candidates = plainCandidates(new Array<number>(20).fill(1));
    const before = ownersOf(policy, candidates);
    const after = ownersOf(policy, without(candidates, 7));
    const gone = candidates.slots[7]!;
    const lost = before.filter((slot) => slot === gone).length;
    const moved = before.filter((slot, i) => slot !== gone && slot !== after[i]).length;
    assert.ok(lost > 0.03 * HASHES.length && lost < 0.08 * HASHES.length, `${lost} were its own`);
    // A ring moves nothing else; of Maglev, its paper has a few percent.
    const most = policy === "ring_hash" ? 0 : 0.05 * HASHES.length;
    assert.ok(moved <= most, `${moved} of ${HASHES.length} others moved`);
  });

  test(`${policy}: no endpoint has more than its bounded load, and only what is too much goes elsewhere`, () => {
    const candidates = plainCandidates([1, 1, 1, 1, 1, 1, 1, 1]);
    const settings = { ...LOAD_BALANCING_DEFAULTS, policy, hash: { ...hash, balanceFactor: 125 } };
    const picker = createPicker(settings, candidates);
    const random = new SeededRandom(1);
    const loads = new RecordedLoads();
    const asked = request();
    // 80 % of all requests have one and the same hash.
    for (let i = 0; i < 800; i++) {
      asked.hash = i % 5 === 0 ? HASHES[i]! : HASHES[0]!;
      const index = picker.pick(asked, loads, random, 0);
      loads.add(candidates.slots[index]!, 1);
    }
    const highest = Math.max(...loads.bySlot.values());
    assert.ok(highest <= Math.ceil((1.25 * 800) / 8), `${highest} streams at one of 8 endpoints`);
    const owner = createPicker({ ...settings, hash }, candidates).pick(
      { ...asked, hash: HASHES[0]! },
      loads,
      random,
      0,
    );
    assert.equal(loads.bySlot.get(candidates.slots[owner]!), highest, "its owner is full first");
  });

  test(`${policy}: a table of thousands is made in shares, and what they come to is what one go comes to`, () => {
    const candidates = plainCandidates(Array.from({ length: 5_000 }, (_, i) => 1 + (i % 3)));
    const settings = { ...LOAD_BALANCING_DEFAULTS, policy };
    const [inShares, atOnce] = [createPicker(settings, candidates), createPicker(settings, candidates)];
    let shares = 1;
    while (inShares.prepare?.() === true) shares++;
    // A ring of 16,384 points, a table of 65,537 places.
    assert.ok(policy === "ring_hash" ? shares >= 4 : shares >= 30, `${shares} shares`);
    assert.ok(shares < 100, `${shares} shares`);
    assert.equal(inShares.isPrepared, true);
    const loads = new RecordedLoads();
    const random = new SeededRandom(1);
    const asked = request();
    for (const value of HASHES) {
      asked.hash = value;
      assert.equal(inShares.pick(asked, loads, random, 0), atOnce.pick(asked, loads, random, 0));
    }
  });

  for (const balanceFactor of [0, 125]) {
    test(`${policy}: until its table is made a picker goes by that of the one before (bound ${balanceFactor})`, () => {
      const settings = { ...LOAD_BALANCING_DEFAULTS, policy, hash: { ...hash, balanceFactor } };
      const before = plainCandidates(new Array<number>(2_000).fill(1));
      const gone = 700;
      const after = without(before, gone);
      const former = createPicker(settings, before);
      const present = createPicker(settings, after);
      const loads = new RecordedLoads();
      const random = new SeededRandom(1);
      const asked = request();
      asked.hash = 1;
      former.pick(asked, loads, random, 0);
      present.follow?.(former);
      // Overtaken before its own table is begun: it hands on what it goes by.
      const last = createPicker(settings, after);
      last.follow?.(present);
      for (const picker of [present, last]) {
        assert.equal(picker.isPrepared, false);
        let shares = 0;
        for (const value of HASHES) {
          asked.hash = value;
          const owner = before.slots[former.pick(asked, loads, random, 0)]!;
          const slot = after.slots[picker.pick(asked, loads, random, 0)];
          if (owner !== before.slots[gone]) assert.equal(slot, owner);
          else assert.ok(after.slots.includes(slot!));
          // What was tried is passed over now as ever.
          const again = request(0, [slot!]);
          again.hash = value;
          assert.notEqual(after.slots[picker.pick(again, loads, random, 0)], slot);
        }
        assert.equal(picker.isPrepared, false, "picks make no table");
        while (picker.prepare?.() === true) shares++;
        assert.ok(shares > 0);
        const fresh = createPicker(settings, after);
        for (const value of HASHES) {
          asked.hash = value;
          assert.equal(picker.pick(asked, loads, random, 0), fresh.pick(asked, loads, random, 0));
        }
      }
    });
  }

  test(`${policy}: the table is made by prepare, not by a pick`, () => {
    const settings = { ...LOAD_BALANCING_DEFAULTS, policy };
    const picker = createPicker(settings, plainCandidates(new Array<number>(500).fill(1)));
    while (picker.prepare?.() === true);
    const loads = new RecordedLoads();
    const random = new SeededRandom(1);
    const began = performance.now();
    for (let i = 0; i < 100; i++) picker.pick(request(i), loads, random, 0);
    assert.ok(performance.now() - began < 5);
  });
}

test("a ring has as many points as its settings allow, however uneven the weights", () => {
  for (const weights of [
    [1, 1],
    [1, 1000],
    [65_535, 1, 1],
  ]) {
    const shares = new Map<number, number>();
    const candidates = plainCandidates(weights);
    for (const slot of ownersOf("ring_hash", candidates)) shares.set(slot, (shares.get(slot) ?? 0) + 1);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, i) => {
      const share = (shares.get(candidates.slots[i]!) ?? 0) / HASHES.length;
      assert.ok(Math.abs(share - weight / total) < 0.06, `${weights}: ${share} for weight ${weight}`);
    });
  }
});
