import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SimulatedZone, ZoneResult, ZoneScenario } from "./zone-simulation.ts";
import { simulateZones } from "./zone-simulation.ts";

/** Endpoints and proxies of a zone; one endpoint answers 100 requests per second. */
const SIZE = 30;
const CAPACITY = SIZE * 100;
const SECONDS = 60;

const even = (load: number): SimulatedZone => ({
  endpoints: SIZE,
  proxies: SIZE,
  rate: () => CAPACITY * load,
});
const zones = (...all: readonly SimulatedZone[]): ZoneScenario => ({ zones: all, seconds: SECONDS, seed: 5 });

/** Windows of 5 s from a time on. */
const from = (seconds: number, { windows }: ZoneResult) => windows.slice(seconds / 5);

/** Largest change of a zone's own share from one window to the next. */
function largestMove(zone: number, windows: ZoneResult["windows"]): number {
  return Math.max(
    ...windows.slice(1).map(({ stayed }, i) => Math.abs(stayed[zone]! - windows[i]!.stayed[zone]!)),
  );
}

/** Median of the windows' 99th percentiles. */
function typicalP99(windows: ZoneResult["windows"]): number {
  return windows.map(({ p99 }) => p99).sort((a, b) => a - b)[windows.length >> 1]!;
}

for (const peerReportMs of [0, 250]) {
  describe(peerReportMs === 0 ? "with nothing but what a proxy sees itself" : "with reports of peers", () => {
    test("zones that can take their load keep it", () => {
      for (const load of [0.6, 0.8]) {
        const settled = from(10, simulateZones({ ...zones(even(load), even(load)), peerReportMs }));
        const stayed = settled.flatMap((window) => window.stayed);
        const mean = stayed.reduce((sum, share) => sum + share, 0) / stayed.length;
        assert.ok(
          mean >= 0.97 && Math.min(...stayed) >= 0.95,
          `load ${load}: ${mean}, least ${Math.min(...stayed)}`,
        );
      }
    });

    test("of 70/30 skewed load the excess leaves, and shares stand still then", () => {
      const skewed = zones(
        { ...even(0), rate: () => 2 * CAPACITY * 0.6 * 0.7 },
        { ...even(0), rate: () => 2 * CAPACITY * 0.6 * 0.3 },
      );
      const settled = from(20, simulateZones({ ...skewed, peerReportMs }));
      const splits = [0.72, 0.75, 0.8].map((share) =>
        typicalP99(from(20, simulateZones({ ...skewed, fixedShares: [share, 1] }))),
      );
      assert.ok(
        typicalP99(settled) <= 1.2 * Math.min(...splits),
        `${typicalP99(settled)}, best ${Math.min(...splits)}`,
      );
      assert.ok(largestMove(0, settled) < 0.1, `moved by ${largestMove(0, settled)}`);
      assert.ok(settled.every(({ stayed }) => stayed[0]! > 0.65 && stayed[1]! > 0.95));
    });

    test("an overloaded zone sheds load while it is overloaded, and has it back after", () => {
      const burst = (seconds: number): number => CAPACITY * (seconds > 15 && seconds < 35 ? 1.1 : 0.35);
      const scenario = { ...zones({ ...even(0), rate: burst }, even(0.4)), seconds: 75, peerReportMs };
      const { windows } = simulateZones(scenario);
      const during = windows.slice(5, 7);
      assert.ok(
        during.every(({ stayed }) => stayed[0]! > 0.5 && stayed[0]! < 0.92),
        JSON.stringify(during),
      );
      assert.ok(typicalP99(during) < 250, `p99 ${typicalP99(during)}`);
      assert.ok(windows.at(-1)!.stayed[0]! > 0.95, JSON.stringify(windows.at(-1)));
    });

    test("a zone with one endpoint sends away nearly everything", () => {
      const one: SimulatedZone = { endpoints: 1, proxies: 5, rate: () => CAPACITY * 0.1 };
      const { windows } = simulateZones({ ...zones(one, even(0.6)), peerReportMs });
      const last = windows.slice(-4);
      assert.ok(
        last.every(({ stayed, p99 }) => stayed[0]! < 0.35 && p99 < 300),
        JSON.stringify(last),
      );
    });
  });
}
