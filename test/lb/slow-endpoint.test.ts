import assert from "node:assert/strict";
import { test } from "node:test";
import { createPicker } from "../../src/lb/create-picker.ts";
import type { LoadBalancingPolicy } from "../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { candidatesOf } from "./pick-fixture.ts";
import { quantile, simulate } from "./queue-simulation.ts";

/** Six endpoints with 4 workers each, the first ten times slower, at half of what the five others can do. */
function p90OverFastMedian(policy: LoadBalancingPolicy, seed: number): number {
  const fast = { serviceMs: 10, servers: 4 };
  const endpoints = [{ serviceMs: 100, servers: 4 }, fast, fast, fast, fast, fast];
  const picker = createPicker({ ...LOAD_BALANCING_DEFAULTS, policy }, candidatesOf(endpoints.map(() => 1)));
  const { latenciesMs } = simulate({ picker, endpoints, ratePerMs: 1, requests: 40_000, seed });
  return quantile(latenciesMs, 0.9) / (fast.serviceMs * Math.LN2);
}

test("with one of six endpoints 10 times slower, p90 of least_request stays near the fast ones'", () => {
  for (const seed of [1, 2, 3]) {
    const ratio = p90OverFastMedian("least_request", seed);
    // Of an exponential service time alone, p90 is ln 10 / ln 2 = 3.3 medians.
    assert.ok(ratio < 5, `seed ${seed}: p90 is ${ratio.toFixed(1)} fast medians`);
  }
});

test("random and round_robin fail the same: the slow endpoint's queue grows without end", () => {
  for (const policy of ["random", "round_robin"] as const) {
    for (const seed of [1, 2, 3]) {
      const ratio = p90OverFastMedian(policy, seed);
      assert.ok(ratio > 100, `${policy}, seed ${seed}: p90 is ${ratio.toFixed(1)} fast medians`);
    }
  }
});

test("least_request gives a slow endpoint fewer requests, not none", () => {
  const endpoints = [50, 10, 10, 10].map((serviceMs) => ({ serviceMs, servers: 4 }));
  const picker = createPicker(LOAD_BALANCING_DEFAULTS, candidatesOf([1, 1, 1, 1]));
  const { counts } = simulate({ picker, endpoints, ratePerMs: 0.8, requests: 40_000, seed: 1 });
  const fastMean = (counts[1]! + counts[2]! + counts[3]!) / 3;
  assert.ok(counts[0]! > fastMean * 0.05 && counts[0]! < fastMean * 0.6, `${counts}`);
});

test("at 80 % load least_request has half of random's p99", () => {
  const endpoints = new Array(20).fill({ serviceMs: 10, servers: 1 });
  const p99 = (policy: LoadBalancingPolicy) => {
    const picker = createPicker({ ...LOAD_BALANCING_DEFAULTS, policy }, candidatesOf(new Array(20).fill(1)));
    return quantile(
      simulate({ picker, endpoints, ratePerMs: 1.6, requests: 60_000, seed: 7 }).latenciesMs,
      0.99,
    );
  };
  const [least, random] = [p99("least_request"), p99("random")];
  assert.ok(least < random / 2, `p99 ${least.toFixed(0)} ms against ${random.toFixed(0)} ms`);
});
