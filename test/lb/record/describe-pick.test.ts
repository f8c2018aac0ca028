import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { describePick } from "../../../src/lb/record/describe-pick.ts";
import { PickCause } from "../../../src/lb/record/pick-layout.ts";
import { readRecords } from "../../../src/lb/record/pick-record.ts";
import { PickRecorder } from "../../../src/lb/record/pick-recorder.ts";
import { endpoint } from "../../resource/cluster-builder.ts";
import { TestCluster } from "./record-fixture.ts";

const subset = { enabled: true, minEndpoints: 2, coverage: 1 };
const REQUEST = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(1) };

test("a pick that went beyond its slice says so, with the own streams that made it and the load of both", () => {
  const endpoints = Array.from({ length: 12 }, (_, n) => endpoint(n, { weight: 1 }));
  const cluster = new TestCluster(endpoints, { subset });
  const [tier] = cluster.built.tiers;
  const slice = new Set(tier!.slots);
  assert.ok(slice.size < 12);
  const recorder = new PickRecorder(new SeededRandom(1));
  recorder.configure({ sample: 1, ring: 64 });
  const describe = (streamsInSlice: number) => {
    const streams = (slot: number): number => (slice.has(slot) ? streamsInSlice : 0);
    const loads = { inFlight: streams, load: streams, total: () => 0, own: streams, usual: () => 0.25 };
    const random = new SeededRandom(5);
    const picked = recorder.record(cluster, { ...REQUEST }, loads, random, 1, PickCause.first);
    const { words, view } = recorder.newest();
    const [record] = [...readRecords(words)];
    return { picked, account: describePick(record!, view!) };
  };

  const idle = describe(0);
  assert.ok(slice.has(idle.picked));
  assert.equal(idle.account.beyond, undefined);
  assert.equal(idle.account.candidates, slice.size);

  const busy = describe(3);
  assert.ok(!slice.has(busy.picked));
  assert.equal(busy.account.beyond, 12);
  const [first] = busy.account.drawn.filter(({ own }) => own !== undefined);
  assert.deepEqual([first!.own, first!.load], [3, 3]);
  const winner = busy.account.drawn.find(({ endpoint }) => endpoint === busy.account.winner);
  assert.deepEqual([winner!.load, winner!.weight], [0, 1]);
});
