import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { ArrivalProcess } from "../../src/sim/arrival-process.ts";
import { BurstPhases } from "../../src/sim/burst-phases.ts";
import type { ServiceModel } from "../../src/sim/service-model.ts";
import { drawService } from "../../src/sim/service-model.ts";

const DRAWS = 400_000;

/** Mean and squared coefficient of variation. */
function moments(draw: () => number): { readonly mean: number; readonly variation: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < DRAWS; i++) {
    const value = draw();
    sum += value;
    squares += value * value;
  }
  const mean = sum / DRAWS;
  return { mean, variation: squares / DRAWS / mean ** 2 - 1 };
}

describe("service times have the mean that is asked for, and the variation of their kind", () => {
  const cases: readonly [ServiceModel, number][] = [
    [{ kind: "fixed", meanMs: 7 }, 0],
    [{ kind: "exponential", meanMs: 7 }, 1],
    [{ kind: "lognormal", meanMs: 7, sigma: 1 }, Math.E - 1],
    // Of two exponentials with means f and 10 f: 2 × (0.9 + 0.1 × 100) / (0.9 + 0.1 × 10)² − 1.
    [{ kind: "hyperexponential", meanMs: 7, slowShare: 0.1, slowFactor: 10 }, (2 * 10.9) / 1.9 ** 2 - 1],
  ];
  for (const [model, expected] of cases) {
    it(model.kind, () => {
      const random = new SeededRandom(3);
      const { mean, variation } = moments(() => drawService(model, random));
      assert.ok(Math.abs(mean / 7 - 1) < 0.01, `mean ${mean}`);
      assert.ok(Math.abs(variation - expected) < 0.03 * Math.max(1, expected), `variation ${variation}`);
    });
  }
});

/** Arrivals in windows of 100 ms. */
function counts(process: ArrivalProcess, durationMs: number): number[] {
  const windows = new Array<number>(durationMs / 100).fill(0);
  for (let at = process.nextAfter(0); at < durationMs; at = process.nextAfter(at))
    windows[Math.floor(at / 100)]!++;
  return windows;
}

function dispersion(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length / mean;
}

it("a Poisson process has its rate, and counts as scattered as their mean", () => {
  const windows = counts(new ArrivalProcess(0.2, undefined, new SeededRandom(5)), 1_000_000);
  const total = windows.reduce((sum, count) => sum + count, 0);
  assert.ok(Math.abs(total / 200_000 - 1) < 0.01, `${total} arrivals`);
  assert.ok(Math.abs(dispersion(windows) - 1) < 0.05, `dispersion ${dispersion(windows)}`);
});

it("bursts leave the mean rate as it is, and scatter the counts", () => {
  const bursts = { factor: 4, share: 0.1, meanMs: 1_000, together: false };
  const phases = new BurstPhases(bursts, new SeededRandom(6));
  const windows = counts(new ArrivalProcess(0.2, phases, new SeededRandom(7)), 4_000_000);
  const total = windows.reduce((sum, count) => sum + count, 0);
  assert.ok(Math.abs(total / 800_000 - 1) < 0.05, `${total} arrivals`);
  assert.ok(dispersion(windows) > 5, `dispersion ${dispersion(windows)}`);
});

it("callers that burst together do so at the same time, each at its own place in time", () => {
  const bursts = { factor: 10, share: 0.1, meanMs: 1_000, together: true };
  const phases = new BurstPhases(bursts, new SeededRandom(8));
  const a = counts(new ArrivalProcess(0.2, phases, new SeededRandom(9)), 200_000);
  const b = counts(new ArrivalProcess(0.2, phases, new SeededRandom(10)), 200_000);
  const both = a.filter((count, i) => count > 10 && b[i]! > 10).length;
  const one = a.filter((count) => count > 10).length;
  assert.ok(one > 20, `${one} windows of burst`);
  assert.ok(both > 0.9 * one, `${both} of ${one} windows of burst in common`);
});
