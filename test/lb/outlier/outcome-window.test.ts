import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { OutcomeWindow } from "../../../src/lb/outlier/outcome-window.ts";

const INTERVAL_MS = 10_000;

it("counts what came within the interval, to a tenth of it, for any sequence", () => {
  const entry = fc.record({ gapMs: fc.nat(8_000), successes: fc.nat(50), failures: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      let nowMs = 77_000;
      const window = new OutcomeWindow(INTERVAL_MS, nowMs);
      const all: { atMs: number; successes: number; failures: number }[] = [];
      for (const { gapMs, successes, failures } of entries) {
        nowMs += gapMs;
        window.add(successes, failures, nowMs);
        all.push({ atMs: nowMs, successes, failures });
        const since = (atMs: number) => all.filter((each) => each.atMs >= atMs);
        const sum = (list: typeof all, column: "successes" | "failures") =>
          list.reduce((total, each) => total + each[column], 0);
        for (const column of ["successes", "failures"] as const) {
          assert.ok(window[column] <= sum(since(nowMs - INTERVAL_MS), column));
          assert.ok(window[column] >= sum(since(nowMs - 0.9 * INTERVAL_MS + 0.001), column));
        }
      }
      window.clear();
      assert.equal(window.successes + window.failures, 0);
    }),
  );
});
