import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LoadReport } from "../../../src/grpc/load-report.ts";
import { emptyLoadReport } from "../../../src/grpc/load-report.ts";
import type { CandidateSet } from "../../../src/lb/candidate-set.ts";
import { reportWeight, resourceWeightOf } from "../../../src/lb/weights/report-weight.ts";
import { ReportedWeights } from "../../../src/lb/weights/reported-weights.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import type { LoadBalancing } from "../../../src/resource/load-balancing.ts";
import { candidatesOf } from "../pick-fixture.ts";

const SLOTS = Int32Array.of(5, 6, 7, 8);

/** The last report of each slot, as EndpointMeasures has them. */
class Reports {
  readonly #reports = new Map<number, readonly [LoadReport, number]>();

  set(slot: number, report: Partial<LoadReport>, atMs: number): void {
    this.#reports.set(slot, [{ ...emptyLoadReport(), ...report }, atMs]);
  }

  clear(slot: number): void {
    this.#reports.delete(slot);
  }

  readReport(slot: number, into: LoadReport): number {
    const [report, atMs] = this.#reports.get(slot) ?? [];
    if (report === undefined || atMs === undefined) return 0;
    Object.assign(into, report);
    return atMs;
  }
}

function loadBalancing(changes: Partial<LoadBalancing> = {}): LoadBalancing {
  return clusterSettings({
    loadBalancing: { policy: "client_side_weighted_round_robin", ...changes },
  }).loadBalancing;
}

function weighted(changes: Partial<LoadBalancing> = {}, former?: ReportedWeights): ReportedWeights {
  return ReportedWeights.of(loadBalancing(changes), former)!;
}

const candidates = (weights: readonly number[] = [1, 1, 1, 1]): CandidateSet => ({
  ...candidatesOf(weights),
  slots: SLOTS,
});
const weightsOf = (weights: ReportedWeights, of: CandidateSet = candidates()): number[] => [
  ...weights.reweigh(of).weights,
];

describe("the weight of a report", () => {
  it("is requests per second by utilization, errors counting as utilization", () => {
    const report = { ...emptyLoadReport(), qps: 100, utilization: 0.5 };
    assert.equal(reportWeight(report, 1), 200);
    assert.equal(reportWeight({ ...report, eps: 50 }, 1), 100);
    assert.equal(reportWeight({ ...report, eps: 50 }, 0), 200);
  });

  it("is none without requests or utilization", () => {
    assert.equal(reportWeight({ ...emptyLoadReport(), qps: 100 }, 1), 0);
    assert.equal(reportWeight({ ...emptyLoadReport(), utilization: 0.5 }, 1), 0);
    assert.equal(reportWeight({ ...emptyLoadReport(), qps: 0, utilization: 0.5 }, 1), 0);
  });

  it("by resources leaves out what is not reported, so that no network is not no traffic", () => {
    const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);
    near(resourceWeightOf({ ...emptyLoadReport(), cpu: 0.9, memory: 0.4, network: 500 }), 1 / 0.5 / 2);
    near(resourceWeightOf({ ...emptyLoadReport(), cpu: 0.9, memory: 0.4 }), 1 / 0.5);
    near(resourceWeightOf({ ...emptyLoadReport(), cpu: 0.9, memory: 0.4, network: 0 }), 1 / 0.5);
    near(resourceWeightOf({ ...emptyLoadReport(), cpu: 0.4 }), 2);
    assert.equal(resourceWeightOf({ ...emptyLoadReport(), network: 500 }), 0);
  });
});

describe("reported weights", () => {
  it("are not made where no policy asks for them", () => {
    assert.equal(ReportedWeights.of(loadBalancing({ policy: "round_robin" })), undefined);
  });

  it("take the place of configured ones after the blackout, and the mean is for who has none", () => {
    const reports = new Reports();
    const weights = weighted();
    assert.equal(weights.update(SLOTS, reports, 1000), false);
    reports.set(5, { qps: 100, utilization: 0.5 }, 1000);
    reports.set(6, { qps: 100, utilization: 0.25 }, 1000);
    assert.equal(weights.update(SLOTS, reports, 2000), false);
    assert.deepEqual(weightsOf(weights, candidates([3, 1, 1, 1])), [3, 1, 1, 1]);
    reports.set(5, { qps: 100, utilization: 0.5 }, 11_000);
    assert.equal(weights.update(SLOTS, reports, 11_000), true);
    assert.deepEqual(weightsOf(weights, candidates([3, 1, 1, 1])), [200, 400, 300, 300]);
  });

  it("are the configured ones while fewer than two endpoints have one", () => {
    const reports = new Reports();
    const weights = weighted();
    reports.set(5, { qps: 100, utilization: 0.5 }, 1);
    weights.update(SLOTS, reports, 1);
    weights.update(SLOTS, reports, 20_000);
    const given = candidates([2, 1, 1, 1]);
    assert.equal(weights.reweigh(given), given);
  });

  it("expire, and then the blackout begins anew", () => {
    const reports = new Reports();
    const weights = weighted();
    for (const slot of SLOTS) reports.set(slot, { qps: slot, utilization: 1 }, 1);
    weights.update(SLOTS, reports, 1);
    weights.update(SLOTS, reports, 20_000);
    assert.deepEqual(weightsOf(weights), [5, 6, 7, 8]);
    for (const slot of [5, 6, 7]) reports.set(slot, { qps: slot, utilization: 1 }, 170_000);
    weights.update(SLOTS, reports, 170_000);
    assert.deepEqual(weightsOf(weights), [5, 6, 7, 8]);
    assert.equal(weights.update(SLOTS, reports, 180_001), true);
    assert.deepEqual(weightsOf(weights), [5, 6, 7, 6]);
    reports.set(8, { qps: 8, utilization: 1 }, 181_000);
    weights.update(SLOTS, reports, 181_000);
    assert.deepEqual(weightsOf(weights), [5, 6, 7, 6]);
    weights.update(SLOTS, reports, 191_000);
    assert.deepEqual(weightsOf(weights), [5, 6, 7, 8]);
  });

  it("keep what they have when a report says too little", () => {
    const reports = new Reports();
    const weights = weighted({ loadReports: { ...loadBalancing().loadReports, blackoutMs: 0 } });
    reports.set(5, { qps: 100, utilization: 1 }, 1);
    reports.set(6, { qps: 200, utilization: 1 }, 1);
    weights.update(SLOTS, reports, 1);
    reports.set(5, { utilization: 1 }, 1000);
    assert.equal(weights.update(SLOTS, reports, 1000), false);
    assert.deepEqual(weightsOf(weights), [100, 200, 150, 150]);
  });

  it("are not told of as changed for less than a hundredth, but small changes add up", () => {
    const reports = new Reports();
    const weights = weighted({ loadReports: { ...loadBalancing().loadReports, blackoutMs: 0 } });
    reports.set(5, { qps: 100, utilization: 1 }, 1);
    reports.set(6, { qps: 100, utilization: 1 }, 1);
    assert.equal(weights.update(SLOTS, reports, 1), true);
    let changes = 0;
    for (let i = 1; i <= 20; i++) {
      reports.set(5, { qps: 100 + i * 0.4, utilization: 1 }, i * 1000);
      if (weights.update(SLOTS, reports, i * 1000)) changes++;
    }
    assert.ok(changes >= 5 && changes <= 8, `${changes} changes`);
  });

  it("forget endpoints that are gone, and the former owner of a slot", () => {
    const reports = new Reports();
    const weights = weighted({ loadReports: { ...loadBalancing().loadReports, blackoutMs: 0 } });
    for (const slot of SLOTS) reports.set(slot, { qps: slot, utilization: 1 }, 1);
    weights.update(SLOTS, reports, 1);
    reports.clear(8);
    assert.equal(weights.update(SLOTS, reports, 1000), true);
    assert.deepEqual(weightsOf(weights), [5, 6, 7, 6]);
    assert.equal(weights.update(Int32Array.of(5, 6), reports, 2000), true);
    assert.equal(weights.update(Int32Array.of(5, 6), reports, 3000), false);
    assert.deepEqual(weightsOf(weights), [5, 6, 5.5, 5.5]);
  });

  it("survive an update of the cluster", () => {
    const reports = new Reports();
    const weights = weighted();
    for (const slot of SLOTS) reports.set(slot, { qps: slot, utilization: 1 }, 1);
    weights.update(SLOTS, reports, 1);
    weights.update(SLOTS, reports, 20_000);
    assert.deepEqual(weightsOf(weighted({}, weights)), [5, 6, 7, 8]);
  });
});

describe("the resource weight", () => {
  const settings = (): Partial<LoadBalancing> => ({
    policy: "least_request",
    resourceWeight: { smoothingMs: 10_000, clamp: 4 },
  });

  it("multiplies configured weights, smoothed, relative to the mean", () => {
    const reports = new Reports();
    const weights = weighted(settings());
    reports.set(5, { cpu: 0.9 }, 1);
    reports.set(6, { cpu: 0.4 }, 1);
    weights.update(SLOTS, reports, 1);
    assert.deepEqual(weightsOf(weights), [1, 1, 1, 1]);
    reports.set(5, { cpu: 0.9 }, 10_001);
    reports.set(6, { cpu: 0.4 }, 10_001);
    assert.equal(weights.update(SLOTS, reports, 10_001), true);
    // The mean of 1 and 2 is 1.5; a time constant later 63 % of the way are done.
    const moved = 1 - Math.exp(-1);
    const expected = [2 * (1 + (1 / 1.5 - 1) * moved), 1 + (2 / 1.5 - 1) * moved, 1, 1];
    weightsOf(weights, candidates([2, 1, 1, 1])).forEach((weight, i) => {
      assert.ok(Math.abs(weight - expected[i]!) < 1e-9, `${weight} is not ${expected[i]}`);
    });
  });

  it("stays within the clamp, whatever is reported", () => {
    const reports = new Reports();
    const weights = weighted(settings());
    for (let atMs = 1; atMs < 200_000; atMs += 1000) {
      reports.set(5, { cpu: 100, memory: 1 }, atMs);
      for (const slot of [6, 7, 8]) reports.set(slot, { cpu: 0, memory: 0, network: 1e9 }, atMs);
      weights.update(SLOTS, reports, atMs);
    }
    const [low, high] = weightsOf(weights);
    assert.ok(low! >= 0.25 - 1e-9 && low! < 0.26, `${low}`);
    assert.ok(high! > 1.3 && high! <= 4, `${high}`);
  });
});
