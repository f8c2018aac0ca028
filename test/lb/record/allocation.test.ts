import assert from "node:assert/strict";
import { test } from "node:test";
import { getHeapStatistics } from "node:v8";
import { SeededRandom } from "../../../src/base/random.ts";
import { PickCause } from "../../../src/lb/record/pick-layout.ts";
import { PickRecorder } from "../../../src/lb/record/pick-recorder.ts";
import { mixedEndpoints, TestCluster } from "./record-fixture.ts";

// Alone in its file, as in a worker: with one kind of draws and loads, before other tests make these calls megamorphic.
for (const sample of [0.01, 1]) {
  test(`picks of which ${sample * 100} % are recorded cost no memory beyond the ring's`, () => {
    const cluster = new TestCluster(mixedEndpoints(20), {});
    const recorder = new PickRecorder(new SeededRandom(77));
    recorder.configure({ sample, ring: 4096 });
    const random = new SeededRandom(1);
    const streams = (slot: number) => slot & 3;
    const loads = { inFlight: streams, load: streams, total: () => 9, own: streams, usual: () => 0.5 };
    const request = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(4) };
    let octetsPerPick = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 6; round++) {
      const before = getHeapStatistics().total_allocated_bytes;
      for (let i = 0; i < 100_000; i++) {
        if (recorder.isDue()) recorder.record(cluster, request, loads, random, i, PickCause.first);
        else cluster.pick(request, loads, random, i);
      }
      const octets = getHeapStatistics().total_allocated_bytes - before;
      octetsPerPick = Math.min(octetsPerPick, octets / 100_000);
    }
    assert.ok(octetsPerPick < 4, `${octetsPerPick} octets per pick`);
  });
}
