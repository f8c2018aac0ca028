import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import type { LoadReport } from "../../../src/grpc/load-report.ts";
import { emptyLoadReport } from "../../../src/grpc/load-report.ts";
import type { CandidateSet } from "../../../src/lb/candidate-set.ts";
import { createPicker } from "../../../src/lb/create-picker.ts";
import { ReportedWeights } from "../../../src/lb/weights/reported-weights.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import type { LoadBalancing } from "../../../src/resource/load-balancing.ts";
import { candidatesOf, request } from "../pick-fixture.ts";

const ENDPOINTS = 10;
const SERVERS = 8;
const SERVICE_MS = 100;
const LOAD = 0.7;
const RUN_MS = 120_000;
const STEP_MS = 10;
/** CPU as a node's agent reports it: the mean of some seconds, seen some seconds later. */
const WINDOW_MS = 5_000;
const LAG_MS = 5_000;
const REPORT_MS = 1_000;

interface Run {
  /** Standard deviation over time of an endpoint's share of the requests of each second, relative to its mean share. */
  readonly swing: number;
  /** 99 % of requests are done by then. */
  readonly p99Ms: number;
}

/** Equal endpoints in virtual time, whose CPU reports come late. */
function run(settings: Partial<LoadBalancing>): Run {
  const { loadBalancing } = clusterSettings({ loadBalancing: settings });
  const random = new SeededRandom(7);
  const configured = candidatesOf(new Array<number>(ENDPOINTS).fill(1));
  const { slots } = configured;
  const indexOf = new Map([...slots].map((slot, index) => [slot, index]));
  const weights = ReportedWeights.of(loadBalancing);
  let candidates: CandidateSet = configured;
  let picker = createPicker(loadBalancing, candidates);
  const freeAt = Array.from(slots, () => new Float64Array(SERVERS));
  const ends: number[][] = Array.from(slots, () => []);
  /** Busy share by endpoint and step. */
  const busy = Array.from(slots, () => new Float64Array(RUN_MS / STEP_MS));
  const counts = Array.from(slots, () => new Float64Array(RUN_MS / 1000));
  const latencies: number[] = [];
  const inFlight = (slot: number): number => ends[indexOf.get(slot)!]!.length;
  const loads = { inFlight, load: inFlight, total: () => ends.reduce((sum, each) => sum + each.length, 0) };
  const cpuAt = (index: number, nowMs: number): number => {
    const last = Math.floor((nowMs - LAG_MS) / STEP_MS);
    const first = Math.max(0, last - WINDOW_MS / STEP_MS);
    const seen = busy[index]!.subarray(first, Math.max(first, last));
    return seen.length === 0 ? 0 : seen.reduce((sum, each) => sum + each, 0) / seen.length;
  };
  const source = {
    nowMs: 0,
    readReport(slot: number, into: LoadReport): number {
      if (this.nowMs < LAG_MS) return 0;
      const cpu = cpuAt(indexOf.get(slot)!, this.nowMs);
      // What requests under way hold is most of the memory.
      Object.assign(into, emptyLoadReport(), { cpu, memory: 0.1 + 0.8 * cpu });
      return this.nowMs;
    },
  };
  const perStep = (LOAD * ENDPOINTS * SERVERS * STEP_MS) / SERVICE_MS;
  const asked = request();
  let due = 0;
  for (let step = 0; step < RUN_MS / STEP_MS; step++) {
    const nowMs = step * STEP_MS;
    if (weights !== undefined && nowMs > 0 && nowMs % REPORT_MS === 0) {
      source.nowMs = nowMs;
      if (weights.update(slots, source, nowMs)) {
        candidates = weights.reweigh(configured);
        picker = createPicker(loadBalancing, candidates);
      }
    }
    for (let i = 0; i < ENDPOINTS; i++) ends[i] = ends[i]!.filter((end) => end > nowMs);
    for (due += perStep; due >= 1; due--) {
      asked.sequence++;
      const index = picker.pick(asked, loads, random, nowMs);
      counts[index]![Math.floor(nowMs / 1000)]!++;
      const servers = freeAt[index]!;
      const server = servers.indexOf(Math.min(...servers));
      servers[server] = Math.max(nowMs, servers[server]!) - SERVICE_MS * Math.log(1 - random.nextFloat());
      ends[index]!.push(servers[server]!);
      latencies.push(servers[server]! - nowMs);
    }
    for (let i = 0; i < ENDPOINTS; i++) busy[i]![step] = Math.min(1, ends[i]!.length / SERVERS);
  }
  latencies.sort((a, b) => a - b);
  let variance = 0;
  const settled = counts.map((count) => count.subarray(20));
  const mean =
    settled.reduce((sum, count) => sum + count.reduce((a, b) => a + b, 0), 0) /
    (ENDPOINTS * settled[0]!.length);
  for (const count of settled) for (const each of count) variance += (each - mean) ** 2;
  const swing = Math.sqrt(variance / (ENDPOINTS * settled[0]!.length)) / mean;
  return { swing, p99Ms: latencies[Math.floor(latencies.length * 0.99)]! };
}

describe("weights made of CPU and memory reports that lag", () => {
  const unsmoothed = { smoothingMs: 1, clamp: 4 };
  const smoothed = { smoothingMs: 10_000, clamp: 4 };
  const inFlight = run({ policy: "least_request" });

  it("swing, where in-flight counts do not: endpoints are overrun and left by turns", () => {
    const lagging = run({ policy: "round_robin", resourceWeight: unsmoothed });
    assert.ok(lagging.swing > 4 * inFlight.swing, `swing ${lagging.swing}, in-flight ${inFlight.swing}`);
    assert.ok(lagging.p99Ms > 4 * inFlight.p99Ms, `p99 ${lagging.p99Ms} ms, in-flight ${inFlight.p99Ms} ms`);
  });

  it("come to rest when they are smoothed for longer than the reports lag", () => {
    const calm = run({ policy: "round_robin", resourceWeight: smoothed });
    assert.ok(calm.swing < inFlight.swing, `swing ${calm.swing}, in-flight ${inFlight.swing}`);
    assert.ok(calm.p99Ms < 1.1 * inFlight.p99Ms, `p99 ${calm.p99Ms} ms, in-flight ${inFlight.p99Ms} ms`);
  });

  it("do little harm where picks go by in-flight counts all the same", () => {
    for (const resourceWeight of [unsmoothed, smoothed]) {
      const both = run({ policy: "least_request", resourceWeight });
      assert.ok(both.p99Ms < 1.1 * inFlight.p99Ms, `p99 ${both.p99Ms} ms, in-flight ${inFlight.p99Ms} ms`);
    }
  });
});
