import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

/** Makes the tables of a process of 2 workers, uses some slots, loses a worker; prints how much more memory is resident then, in MB. */
const PROGRAM = `
import { EndpointCounters } from "./src/telemetry/endpoint-counters.ts";
import { SharedOutcomes } from "./src/lb/outlier/shared-outcomes.ts";
const before = process.memoryUsage.rss();
const counters = new EndpointCounters(2);
const outcomes = new SharedOutcomes(2);
for (let slot = 0; slot < Number(process.argv[1]); slot++) {
  counters.requests[counters.rowStart(0) + slot]++;
  counters.measures.observeLatency(0, slot, 5, 1000);
  outcomes.succeeded(0, slot);
}
counters.retireRow(1);
console.log((process.memoryUsage.rss() - before) / 1e6, counters.setAside.length, outcomes.trials);
`;

/** @returns the least of three runs: what V8 takes or gives back meanwhile is chance, and mostly adds. */
async function megabytes(slots: number): Promise<number> {
  const args = ["--input-type=module", "-e", PROGRAM, "--", String(slots)];
  const found: number[] = [];
  for (let run = 0; run < 3; run++) {
    const { stdout } = await promisify(execFile)(process.execPath, args);
    found.push(Number(stdout.split(" ")[0]));
  }
  return Math.min(...found);
}

test("tables for 131,072 endpoints take memory for those that are used, and losing a worker does not change that", async () => {
  const [few, many] = [await megabytes(1_000), await megabytes(50_000)];
  // 50,000 × (160 + 8 + 16 octets); the whole would be 80 MB.
  assert.ok(few < 12, `${few} MB for 1,000`);
  assert.ok(many < 30, `${many} MB for 50,000`);
  assert.ok(many > few + 5, `${many} MB for 50,000, ${few} for 1,000`);
});
