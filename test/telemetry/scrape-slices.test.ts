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

test("during a scrape of 20,000 lines the event loop gets its turns", async () => {
  const fixture = largeFixture();
  await fixture.registry.render();
  const gaps: number[] = [];
  let lastMs = performance.now();
  let isDone = false;
  const tick = () => {
    const nowMs = performance.now();
    gaps.push(nowMs - lastMs);
    lastMs = nowMs;
    if (!isDone) setImmediate(tick);
  };
  setImmediate(tick);
  const startMs = performance.now();
  const parts = await fixture.registry.render();
  const tookMs = performance.now() - startMs;
  isDone = true;
  assert.ok(parts.length > 50);
  // 5 ms by design; the rest is room for a busy machine. In one piece it would be all of the time it took.
  const typicalMs = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length * 0.9)]!;
  assert.ok(gaps.length > 3 && typicalMs < 20, `${gaps.length} turns, p90 ${typicalMs} ms, of ${tookMs} ms`);
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
