import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ENDPOINT_LATENCY_BOUNDS_MS,
  ENDPOINT_LATENCY_BUCKETS,
  EndpointLatencies,
  endpointLatencyQuantile,
} from "../../src/telemetry/endpoint-latencies.ts";

describe("EndpointLatencies", () => {
  it("counts nothing until somebody wants it, then by the smallest bound that is not below", () => {
    const latencies = new EndpointLatencies(2, 8);
    latencies.observe(0, 3, 1);
    assert.equal(latencies.take(3), undefined);
    latencies.want();
    for (const ms of [0, 0.5, 0.6, 35, 36, 5_000, 90_000]) latencies.observe(1, 3, ms);
    const counts = latencies.take(3)!;
    assert.equal(counts.length, ENDPOINT_LATENCY_BUCKETS);
    assert.equal(ENDPOINT_LATENCY_BOUNDS_MS.length, ENDPOINT_LATENCY_BUCKETS - 1);
    assert.deepEqual([...counts], [2, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]);
  });

  it("gives all workers' counts together, each once, and also to another thread's view of the memory", () => {
    const latencies = new EndpointLatencies(2, 8);
    latencies.want();
    const ofWorker = new EndpointLatencies(2, 8, latencies.buffer);
    latencies.observe(0, 0, 1);
    ofWorker.observe(1, 0, 1);
    ofWorker.observe(1, 7, 1);
    assert.equal(latencies.take(0)![1], 2);
    assert.equal(latencies.take(0), undefined);
    assert.equal(latencies.take(7)![1], 1);
    latencies.observe(0, 0, 4);
    assert.deepEqual([latencies.take(0)![4], latencies.take(0)], [1, undefined]);
  });

  it("forgets the former owner of a slot, and no neighbour", () => {
    const latencies = new EndpointLatencies(1, 8);
    latencies.want();
    for (const slot of [1, 2, 3]) latencies.observe(0, slot, 1);
    latencies.take(2);
    latencies.observe(0, 2, 1);
    latencies.clear(2);
    assert.equal(latencies.take(2), undefined);
    assert.ok(latencies.take(1) && latencies.take(3));
  });

  it("finds quantiles within their bucket", () => {
    const counts = new Float64Array(ENDPOINT_LATENCY_BUCKETS);
    assert.equal(endpointLatencyQuantile(counts, 0.99), null);
    counts[6] = 100;
    assert.equal(endpointLatencyQuantile(counts, 0.5), 10);
    assert.equal(endpointLatencyQuantile(counts, 1), 12);
    counts[15] = 10;
    assert.equal(endpointLatencyQuantile(counts, 0.99), 5_000);
  });
});
