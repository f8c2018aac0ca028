import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TRIAL_PATIENCE_MS, TRIAL_REQUESTS } from "../../../src/lb/outlier/outlier-detector.ts";
import { TrialGate } from "../../../src/lb/outlier/shared-outcomes.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../../src/resource/outlier-detection.ts";
import { OutlierRig } from "./outlier-fixture.ts";

const BASE_MS = OUTLIER_DETECTION_DEFAULTS.baseEjectionMs;

/** Lets a trial's requests through as a worker does, each of them with that end. */
function tryOut(rig: OutlierRig, slot: number, isWell: boolean): () => void {
  return () => {
    if (!rig.outcomes.takeGate(slot)) return;
    if (isWell) rig.answer(slot, 1, 0);
    else rig.answer(slot, 0, 1);
  };
}

describe("outlier detection", () => {
  it("ejects an endpoint whose failures in a row a worker has told", () => {
    const rig = new OutlierRig(4);
    rig.trip(2);
    rig.pass(250);
    assert.deepEqual([...rig.aside], [2]);
    assert.equal(rig.ejections[0]!.reason, "consecutive_failures");
    const { ms } = rig.ejections[0]!;
    assert.ok(ms > BASE_MS * 0.9 - 1 && ms <= BASE_MS, `${ms} ms`);
  });

  it("ejects an endpoint that fails half of its requests once it has had enough, and not the others", () => {
    const rig = new OutlierRig(4);
    for (const slot of [0, 1, 2]) rig.answer(slot, 50, 0);
    rig.answer(3, 9, 9);
    rig.pass(250);
    assert.equal(rig.aside.size, 0, "18 requests are not enough");
    rig.answer(3, 1, 1);
    rig.pass(250);
    assert.deepEqual([...rig.aside], [3]);
    assert.equal(rig.ejections[0]!.reason, "failure_share");
  });

  it("ejects by success rate where that stands out among five and more", () => {
    const rig = new OutlierRig(6, { failureShare: 0 });
    for (const slot of [0, 1, 2, 3, 4]) rig.answer(slot, 200, 1);
    rig.answer(5, 160, 40);
    rig.pass(250);
    assert.deepEqual([...rig.aside], [5]);
    assert.equal(rig.ejections[0]!.reason, "success_rate");
  });

  it("leaves a success rate alone that differs by chance only, although it is below mean - 1.9 standard deviations", () => {
    const rig = new OutlierRig(6);
    for (const slot of [0, 1, 2, 3, 4]) rig.answer(slot, 10_000, 0);
    rig.answer(5, 9_990, 10);
    rig.pass(250);
    assert.equal(rig.aside.size, 0);
  });

  it("ejects nobody when all fail alike: that has a common cause", () => {
    const rig = new OutlierRig(4);
    for (const slot of [0, 1, 2, 3]) rig.answer(slot, 10, 90);
    rig.pass(250);
    assert.equal(rig.aside.size, 0);
  });

  it("forgets what lies further back than the interval", () => {
    const rig = new OutlierRig(4);
    for (const slot of [0, 1, 2]) rig.answer(slot, 50, 0);
    rig.answer(3, 0, 15);
    rig.pass(12_000);
    for (const slot of [0, 1, 2]) rig.answer(slot, 50, 0);
    rig.answer(3, 0, 15);
    rig.pass(250);
    assert.equal(rig.aside.size, 0, "15 within the interval, never 20");
  });

  it("never ejects the last endpoint that is usable, whatever else has taken the others", () => {
    const rig = new OutlierRig(3, { maxEjectionShare: 1 });
    rig.otherwiseAside.add(0);
    rig.trip(1);
    rig.pass(250);
    rig.trip(2);
    rig.pass(250);
    assert.deepEqual([...rig.aside], [1]);
    assert.deepEqual(rig.refusals, ["consecutive_failures"]);
  });

  it("lets an ejected endpoint have one request at a time when its time is up, and its full share after five good ones", () => {
    const rig = new OutlierRig(3);
    rig.trip(1);
    rig.pass(BASE_MS - 3_500);
    assert.equal(rig.outcomes.gate(1), TrialGate.closed);
    rig.pass(4_000);
    assert.equal(rig.state(1), "trial");
    assert.ok(rig.aside.has(1), "it stays out of the candidates");
    for (let i = 0; i < TRIAL_REQUESTS; i++) {
      assert.ok(rig.aside.has(1));
      assert.ok(rig.outcomes.takeGate(1), "a request may go");
      assert.ok(!rig.outcomes.takeGate(1), "a second one may not");
      rig.pass(1_000);
      assert.ok(!rig.outcomes.takeGate(1), "not before the first has ended");
      rig.answer(1, 1, 0);
      rig.pass(250);
    }
    assert.equal(rig.state(1), "in_use");
    assert.equal(rig.aside.size, 0);
    assert.equal(rig.outcomes.gate(1), TrialGate.closed);
  });

  it("ejects again at once, and for longer, when one request of the trial fails", () => {
    const rig = new OutlierRig(3);
    rig.trip(1);
    rig.pass(BASE_MS + 250, tryOut(rig, 1, false));
    rig.pass(2 * BASE_MS + 500, tryOut(rig, 1, false));
    rig.pass(3 * BASE_MS + 500, tryOut(rig, 1, false));
    const told = rig.ejections.map(({ reason, times }) => `${reason} ${times}`);
    assert.deepEqual(told.slice(0, 3), ["consecutive_failures 1", "trial 2", "trial 3"]);
    for (const { ms, times } of rig.ejections)
      assert.ok(ms > 0.9 * BASE_MS * times - 1 && ms <= BASE_MS * times, `${times}: ${ms}`);
  });

  it("shortens the next ejection again for each interval that went well", () => {
    const rig = new OutlierRig(3);
    rig.trip(1);
    rig.pass(BASE_MS + 250, tryOut(rig, 1, false));
    rig.pass(2 * BASE_MS + 5_000, tryOut(rig, 1, true));
    assert.equal(rig.state(1), "in_use");
    assert.equal(rig.detector.hosts.get(1)!.times, 2);
    rig.pass(25_000);
    assert.equal(rig.detector.hosts.get(1)!.times, 0);
  });

  it("lets another request through when the trial's first one is not heard of, and no more than that", () => {
    const rig = new OutlierRig(3);
    rig.trip(1);
    let taken = 0;
    rig.pass(BASE_MS + 250);
    rig.pass(4 * TRIAL_PATIENCE_MS, () => {
      if (rig.outcomes.takeGate(1)) taken++;
    });
    assert.ok(taken >= 3 && taken <= 5, `${taken} in ${4 * TRIAL_PATIENCE_MS} ms`);
    assert.equal(rig.state(1), "trial", "an endpoint that says nothing does not come back");
  });

  it("takes an endpoint back whose streams live long, when they are being answered", () => {
    const rig = new OutlierRig(3);
    rig.trip(1);
    rig.pass(BASE_MS + 250);
    rig.pass((TRIAL_REQUESTS + 1) * (TRIAL_PATIENCE_MS + 500), () => {
      if (rig.outcomes.takeGate(1)) rig.outcomes.answered(0, 1);
    });
    assert.equal(rig.state(1), "in_use");
  });

  it("keeps ejections over updates, forgets them with the endpoint, and takes all back when it ends", () => {
    const rig = new OutlierRig(4);
    rig.trip(1);
    rig.pass(250);
    const listed = [0, 1, 2, 4].map((slot) => ({ slot, generation: 1 }));
    rig.detector.update(OUTLIER_DETECTION_DEFAULTS, listed, rig.nowMs);
    assert.deepEqual([...rig.aside], [1]);
    // The same slot, another endpoint.
    const reused = listed.map(({ slot }) => ({ slot, generation: slot === 1 ? 2 : 1 }));
    rig.detector.update(OUTLIER_DETECTION_DEFAULTS, reused, rig.nowMs);
    assert.equal(rig.aside.size, 0);
    rig.trip(2);
    rig.pass(250);
    rig.detector.close();
    assert.equal(rig.aside.size, 0);
    assert.equal(rig.outcomes.gate(2), TrialGate.closed);
  });
});

describe("outlier detection, whatever endpoints do", () => {
  const step = fc.record({
    slot: fc.nat(7),
    kind: fc.constantFrom("well", "bad", "mixed", "trip", "aside", "back", "trial"),
    ms: fc.integer({ min: 0, max: 20_000 }),
  });

  it("keeps to its limits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(step, { maxLength: 120 }),
        fc.nat(),
        (endpoints, maxEjectionShare, steps, seed) => {
          const settings = { maxEjectionShare, baseEjectionMs: 5_000, maxEjectionMs: 20_000 };
          const rig = new OutlierRig(endpoints, settings, seed);
          const most = maxEjectionShare === 0 ? 0 : Math.max(1, Math.floor(endpoints * maxEjectionShare));
          for (const { slot: any, kind, ms } of steps) {
            const slot = any % endpoints;
            if (kind === "well") rig.answer(slot, 120, 0);
            else if (kind === "bad") rig.answer(slot, 0, 30);
            else if (kind === "mixed") rig.answer(slot, 20, 25);
            else if (kind === "trip") rig.trip(slot);
            else if (kind === "aside") rig.otherwiseAside.add(slot);
            else if (kind === "back") rig.otherwiseAside.delete(slot);
            else if (rig.outcomes.takeGate(slot)) rig.answer(slot, ms % 2, 1 - (ms % 2));
            const before = rig.ejections.length;
            const aside = rig.otherwiseAside.size;
            rig.pass(ms);
            assert.ok(rig.aside.size <= most, `${rig.aside.size} of ${endpoints} ejected, at most ${most}`);
            if (rig.ejections.length > before && aside < endpoints)
              assert.ok(rig.aside.size < endpoints, "somebody is left");
            for (const { ms: long, times } of rig.ejections.slice(before)) {
              assert.ok(long <= Math.min(5_000 * times, 20_000), `${long} ms the ${times}. time`);
              assert.ok(long >= 0.9 * Math.min(5_000 * times, 20_000));
            }
            for (const [at, host] of rig.detector.hosts) {
              assert.equal(rig.aside.has(at), host.state !== "in_use");
              assert.equal(rig.outcomes.gate(at) !== TrialGate.closed, host.state === "trial");
            }
          }
          // Whoever is well from now on comes back.
          rig.pass(60_000, () => {
            for (let slot = 0; slot < endpoints; slot++)
              if (rig.outcomes.takeGate(slot)) rig.answer(slot, 1, 0);
          });
          assert.equal(rig.aside.size, 0);
        },
      ),
      { numRuns: 200 },
    );
  });
});
