import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadMetric } from "../../../src/resource/load-balancing.ts";
import { LOAD_METRICS } from "../../../src/resource/load-balancing.ts";
import { assertShares } from "../picker-conformance.ts";
import { runMetric } from "./metric-simulation.ts";

const SAME = { serviceMs: 20 };

function picksOf(counts: readonly number[]): Int32Array {
  return Int32Array.from(counts.flatMap((count, index) => new Array<number>(count).fill(index)));
}

for (const metric of LOAD_METRICS) {
  test(`${metric}: weights 1:2:4 hold within 5 % under load`, () => {
    // Streams being whole, more choices need more of them in flight.
    for (const [choiceCount, ratePerMs] of [
      [2, 2],
      [3, 6],
    ] as const) {
      const { counts } = runMetric({
        settings: { metric, choiceCount },
        weights: [1, 2, 4],
        endpoints: [SAME, SAME, SAME],
        ratePerMs,
        requests: 60_000,
      });
      assertShares(picksOf(counts), [1, 2, 4], 0.05);
    }
  });
}

const LATENCY_METRICS: readonly LoadMetric[] = ["peak_ewma", "locality_aware"];

for (const metric of LATENCY_METRICS) {
  test(`${metric}: an endpoint ten times slower gets far less than by streams in flight, and still something`, () => {
    const share = (by: LoadMetric): number => {
      const endpoints = [{ serviceMs: 200 }, SAME, SAME, SAME];
      const { counts } = runMetric({
        settings: { metric: by },
        weights: [1, 1, 1, 1],
        endpoints,
        ratePerMs: 1,
        requests: 60_000,
        fromMs: 5_000,
      });
      return counts[0]! / counts.reduce((sum, count) => sum + count, 0);
    };
    const [byLatency, byStreams] = [share(metric), share("in_flight")];
    assert.ok(byLatency < byStreams / 2, `${byLatency} against ${byStreams}`);
    assert.ok(byLatency > 0.0001, `${byLatency}: nothing would tell when it is well again`);
  });

  test(`${metric}: an endpoint that fails at once gets less than its share, not more`, () => {
    const run = {
      weights: [1, 1, 1, 1],
      endpoints: [{ serviceMs: 20, failing: 0.5 }, SAME, SAME, SAME],
      ratePerMs: 0.5,
      requests: 40_000,
      fromMs: 5_000,
    };
    const { counts } = runMetric({ ...run, settings: { metric } });
    const total = counts.reduce((sum, count) => sum + count, 0);
    assert.ok(counts[0]! < total / 8, `${counts}`);
    // What it is cured of: few in flight look like little load.
    const naive = runMetric({ ...run, settings: { metric: "in_flight" } }).counts;
    assert.ok(naive[0]! > naive[1]!, `${naive}`);
  });
}

test("peak_ewma: an endpoint that hangs has few streams before any of them has timed out", () => {
  const swallowedBy = (metric: LoadMetric, serviceMs: number, ratePerMs: number): number => {
    const { counts } = runMetric({
      settings: { metric },
      weights: [1, 1, 1, 1, 1],
      endpoints: [{ serviceMs, hangsFromMs: 5_000 }, ...new Array(4).fill({ serviceMs })],
      ratePerMs,
      requests: 7_500 * ratePerMs,
      fromMs: 5_000,
      untilMs: 7_000,
    });
    return counts[0]!;
  };
  for (const [serviceMs, ratePerMs] of [
    [20, 1],
    [100, 1],
    [10, 4],
  ] as const) {
    const swallowed = swallowedBy("peak_ewma", serviceMs, ratePerMs);
    const byStreams = swallowedBy("in_flight", serviceMs, ratePerMs);
    const told = `${swallowed} with peak_ewma, ${byStreams} with in_flight; ${serviceMs} ms, ${ratePerMs}/ms`;
    assert.ok(swallowed < byStreams, told);
    // About as many as came before it was silent for longer than an answer takes.
    assert.ok(swallowed <= 3 + (2 * serviceMs * ratePerMs) / 5, told);
  }
});

test("a new endpoint's share grows with its age, and its streams in flight stay below what its share allows", () => {
  const windowMs = 10_000;
  for (const weights of [
    [1, 1, 1, 1],
    [2, 1, 1, 4],
  ]) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shareBetween = (fromMs: number, untilMs: number, serviceMs: number) => {
      const { counts, peaks } = runMetric({
        settings: { slowStart: { windowMs, aggression: 1, minShare: 0.1 } },
        weights,
        endpoints: [{ serviceMs }, SAME, SAME, SAME],
        candidates: { rampFromMs: Float64Array.of(1, 0, 0, 0) },
        ratePerMs: 2,
        requests: 30_000,
        fromMs,
        untilMs,
      });
      return {
        share: (counts[0]! / counts.reduce((sum, count) => sum + count, 0)) * (total / weights[0]!),
        peaks,
      };
    };
    const young = shareBetween(0, 1_000, 20).share;
    const middle = shareBetween(4_500, 5_500, 20).share;
    const grown = shareBetween(10_500, 14_000, 20).share;
    assert.ok(young > 0.03 && young < 0.25, `young ${young}`);
    assert.ok(middle > 0.3 && middle < 0.75, `middle ${middle}`);
    assert.ok(grown > 0.93 && grown < 1.07, `grown ${grown}`);
    // Cold and ten times slower: without a cap streams would pile up.
    const { peaks } = shareBetween(0, 3_000, 200);
    assert.ok(peaks[0]! <= 0.5 * Math.max(...peaks.slice(1)) + 1, `${peaks} in flight`);
  }
});

test("an endpoint that was always there has its full share from the first request on", () => {
  const { counts } = runMetric({
    settings: { slowStart: { windowMs: 60_000, aggression: 1, minShare: 0.1 } },
    weights: [1, 1],
    endpoints: [SAME, SAME],
    ratePerMs: 1,
    requests: 10_000,
  });
  assertShares(picksOf(counts), [1, 1], 0.05);
});
