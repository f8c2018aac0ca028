import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { observeMs } from "../../src/telemetry/histogram-buckets.ts";
import { MetricsFixture } from "./metrics-fixture.ts";

/** 1,000 services, all with histograms and some statuses: far beyond the limit. */
function largeFixture(): MetricsFixture {
  const fixture = new MetricsFixture();
  for (let i = 0; i < 1000; i++) {
    const row = fixture.addCluster(`service-${i}.some-namespace.svc.cluster.local:50051`).row(0);
    for (let cell = 0; cell < 40; cell += 4) row[ClusterColumn.requests + cell] = 1;
    observeMs(row, ClusterColumn.duration, i / 10);
    observeMs(row, ClusterColumn.overhead, 0.1);
  }
  return fixture;
}

test("a scrape of 1,000 services stays below the limit of lines and sums up to the whole", async () => {
  const fixture = largeFixture();
  const lines = (await fixture.registry.render()).join("").split("\n");
  assert.ok(lines.filter((line) => line.startsWith("isobar_")).length < 20_500);
  assert.equal(await fixture.value("isobar_requests_total"), 10_000);
  assert.equal(await fixture.value("isobar_request_duration_seconds_count"), 1000);
});

/** @returns the time this thread has had a core for, in ms: what others do to the machine is no part of it. */
function coreMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

test("during a scrape of 20,000 lines the event loop gets its turns", async () => {
  const fixture = largeFixture();
  await fixture.registry.render();
  const slices: number[] = [];
  let lastMs = coreMs();
  let isDone = false;
  const tick = () => {
    const nowMs = coreMs();
    slices.push(nowMs - lastMs);
    lastMs = nowMs;
    if (!isDone) setImmediate(tick);
  };
  setImmediate(tick);
  const startMs = coreMs();
  const parts = await fixture.registry.render();
  const tookMs = coreMs() - startMs;
  isDone = true;
  assert.ok(parts.length > 50);
  // 5 ms by design; the rest is for what cannot be cut in two. In one piece it would be all of the time it took.
  const typicalMs = slices.toSorted((a, b) => a - b)[Math.floor(slices.length * 0.9)]!;
  const told = `${slices.length} turns, p90 ${typicalMs} ms, of ${tookMs} ms`;
  assert.ok(slices.length > 3 && typicalMs < Math.max(12, tookMs / 3), told);
});

test("label objects are made once per series, not per scrape", async () => {
  const fixture = largeFixture();
  const seen = new WeakSet<object>();
  const entries = Object.entries;
  let formatted = 0;
  // prom-client formats a label object by Object.entries, once for each it does not know.
  Object.entries = ((labels: object) => {
    if (!seen.has(labels) && "dst_service" in labels) formatted++;
    seen.add(labels);
    return entries(labels);
  }) as typeof Object.entries;
  try {
    await fixture.registry.render();
    assert.ok(formatted > 1000);
    formatted = 0;
    await fixture.registry.render();
    assert.equal(formatted, 0);
  } finally {
    Object.entries = entries;
  }
});
