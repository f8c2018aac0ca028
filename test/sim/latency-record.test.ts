import assert from "node:assert/strict";
import { it } from "node:test";
import { LatencyRecord } from "../../src/sim/latency-record.ts";

it("percentiles are right to half a percent, from microseconds to hours", () => {
  for (const scale of [0.05, 1, 3_600]) {
    const record = new LatencyRecord();
    for (let i = 1; i <= 1_000; i++) record.add(i * scale);
    for (const share of [0.01, 0.5, 0.99, 0.999]) {
      const exact = share * 1_000 * scale;
      assert.ok(Math.abs(record.percentile(share) / exact - 1) < 0.006, `${share} of ${scale}`);
    }
  }
});

it("records are added up", () => {
  const a = new LatencyRecord();
  const b = new LatencyRecord();
  for (let i = 0; i < 98; i++) a.add(1);
  b.add(100);
  b.add(100);
  a.merge(b);
  assert.equal(a.count, 100);
  assert.ok(Math.abs(a.percentile(0.5) - 1) < 0.01);
  assert.ok(Math.abs(a.percentile(0.99) - 100) < 1);
});

it("a record of nothing has no percentile", () => {
  assert.ok(Number.isNaN(new LatencyRecord().percentile(0.5)));
});
