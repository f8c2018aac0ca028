import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CaptureReport } from "../../src/capture/capture-report.ts";
import { ReportWriter } from "../../src/capture/report-writer.ts";

const report = (echoPort: number): CaptureReport => ({
  format: 1,
  writtenMs: 0,
  echoPort,
  current: null,
  open: false,
  closedBecause: "",
  planVersion: "",
  generations: [],
  bypassed: [],
  capturedTotal: 0,
  pastTotal: 0,
  reclaimedTotal: 0,
  refusedTotal: 0,
  failOpenSecondsTotal: 0,
  inertSinceMs: null,
});

describe("the writer of capture's report", () => {
  it("writes one at a time, and then the newest of those that came meanwhile", async () => {
    const written: number[] = [];
    const waiting: (() => void)[] = [];
    const writer = new ReportWriter({
      write: (text) => {
        written.push((JSON.parse(text) as CaptureReport).echoPort);
        return new Promise((resolve) => waiting.push(resolve));
      },
    });
    for (const echoPort of [1, 2, 3]) writer.write(report(echoPort));
    assert.deepEqual(written, [1]);
    waiting.shift()!();
    await new Promise(setImmediate);
    assert.deepEqual(written, [1, 3]);
    waiting.shift()!();
    await writer.done;
    assert.deepEqual(written, [1, 3]);
  });

  it("goes on after one that could not be written", async () => {
    let times = 0;
    const writer = new ReportWriter({
      write: () => {
        times++;
        return times === 1 ? Promise.reject(new Error("no space left")) : Promise.resolve();
      },
    });
    writer.write(report(1));
    await writer.done;
    writer.write(report(2));
    await writer.done;
    assert.equal(times, 2);
  });
});
