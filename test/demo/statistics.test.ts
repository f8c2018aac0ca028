import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LatencyHistogram } from "../../src/demo/latency-histogram.ts";
import { spreadOf } from "../../src/demo/spread.ts";
import { shareOf, spreadOver, Tally } from "../../src/demo/tally.ts";

describe("spreadOf", () => {
  it("is perfect for equal counts", () => {
    assert.deepEqual(spreadOf([7, 7, 7]), { maxOverMean: 1, cv: 0 });
  });

  it("measures the busiest backend and the deviation of all", () => {
    // Mean 4, deviations -2, 0, 2.
    const { maxOverMean, cv } = spreadOf([2, 4, 6]);
    assert.equal(maxOverMean, 1.5);
    assert.ok(Math.abs(cv - Math.sqrt(8 / 3) / 4) < 1e-12);
  });

  it("has no value without calls", () => {
    assert.ok(Number.isNaN(spreadOf([0, 0]).maxOverMean));
  });
});

describe("LatencyHistogram", () => {
  it("gives percentiles within the width of a bucket, from microseconds to a minute", () => {
    for (const scale of [0.01, 1, 50]) {
      const histogram = new LatencyHistogram();
      for (let value = 1; value <= 1000; value++) histogram.record(value * scale);
      for (const share of [0.01, 0.5, 0.9, 0.99, 1]) {
        const found = histogram.percentileMs(share);
        assert.ok(
          Math.abs(found / (1000 * share * scale) - 1) < 0.035,
          `p${share} of scale ${scale}: ${found}`,
        );
      }
    }
  });

  it("keeps what does not fit in its last bucket and has no value when empty", () => {
    const histogram = new LatencyHistogram();
    assert.ok(Number.isNaN(histogram.percentileMs(0.5)));
    histogram.record(1e9);
    histogram.record(-1);
    assert.equal(histogram.count, 2);
    assert.ok(histogram.percentileMs(1) > 60_000);
  });

  it("moves into another one whole", () => {
    const [from, to] = [new LatencyHistogram(), new LatencyHistogram()];
    for (const ms of [1, 1, 20]) from.record(ms);
    const pairs = from.takeBuckets();
    for (let index = 0; index < pairs.length; index += 2) to.addBucket(pairs[index]!, pairs[index + 1]!);
    assert.equal(from.count, 0);
    assert.equal(to.count, 3);
    assert.ok(Math.abs(to.percentileMs(1) - 20) < 0.7);
  });
});

describe("Tally", () => {
  it("adds up by part, way and backend, and leaves out what is not counted", () => {
    const tally = new Tally();
    tally.addArrivals("a1", { kind: "arrivals", part: 0, calls: { pinned: 3, isobar: 1 } });
    tally.addArrivals("a1", { kind: "arrivals", part: 1, calls: { pinned: 9, isobar: 9 } });
    tally.addArrivals("a1", { kind: "arrivals", part: -1, calls: { pinned: 9, isobar: 9 } });
    tally.addArrivals("a2", { kind: "arrivals", part: 0, calls: { pinned: 1, isobar: 1 } });
    const failed = { UNAVAILABLE: 2 };
    tally.addOutcomes("pinned", { kind: "outcomes", part: 0, answered: 2, failed, latency: [5, 2] });
    const { pinned, isobar } = tally.part(0);
    assert.equal(spreadOver(pinned, ["a1", "a2"]).maxOverMean, 1.5);
    assert.equal(spreadOver(isobar, ["a1", "a2"]).maxOverMean, 1);
    assert.equal(shareOf(pinned, "a1"), 0.75);
    assert.equal(shareOf(pinned, "b1"), 0);
    assert.deepEqual([pinned.answered, pinned.failed, pinned.latency.count], [2, 2, 2]);
    assert.equal(isobar.failed, 0);
  });
});
