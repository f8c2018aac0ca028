import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { decodePickDump, encodePickDump } from "../../../src/lb/record/pick-dump.ts";
import { PickCause } from "../../../src/lb/record/pick-layout.ts";
import { readRecords } from "../../../src/lb/record/pick-record.ts";
import { PickRecorder } from "../../../src/lb/record/pick-recorder.ts";
import { PickReplayer } from "../../../src/lb/record/pick-replayer.ts";
import type { LoadBalancing } from "../../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS, LOAD_BALANCING_POLICIES } from "../../../src/resource/load-balancing.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { changingLoads, mixedEndpoints, recordPicks, TestCluster } from "./record-fixture.ts";

const PICKS = 3000;
const hash = { ...LOAD_BALANCING_DEFAULTS.hash, minRingSize: 64, maxRingSize: 1024, tableSize: 1021 };
const locality = LOAD_BALANCING_DEFAULTS.locality;

/** What a pick may depend on beside its policy. */
const VARIANTS: Readonly<Record<string, Partial<LoadBalancing>>> = {
  "one tier": { hash, locality: { ...locality, distribution: "none" } },
  "tiers by node, zone and priority": { hash, locality: { ...locality, distribution: "PreferSameNode" } },
  "slow start": { hash, slowStart: { windowMs: 20_000, aggression: 1.5, minShare: 0.1 } },
  "a subset": { hash, subset: { enabled: true, minEndpoints: 2, coverage: 1 } },
  "five choices and bounded load": { hash: { ...hash, balanceFactor: 125 }, choiceCount: 5 },
};

describe("a recorded pick", () => {
  for (const policy of LOAD_BALANCING_POLICIES) {
    for (const [name, settings] of Object.entries(VARIANTS)) {
      it(`of ${policy} with ${name} replays to the same endpoint after a way through a file`, () => {
        const recorder = recorderOf(PICKS * 4);
        for (const count of [1, 2, 3, 11, 40]) {
          const cluster = new TestCluster(
            mixedEndpoints(count),
            { policy, ...settings },
            undefined,
            Float64Array.from({ length: count }, (_, slot) => (slot % 4 === 1 ? 1000 + slot : 0)),
          );
          const before = recorder.recorded;
          const picked = recordPicks(recorder, cluster, PICKS / 5, count);
          assert.equal(recorder.recorded - before, picked.length, "no pick is too long to be recorded");
          const [worker] = decodePickDump(Buffer.from(encodePickDump([dumpOf(recorder)])));
          const views = new Map(worker!.views.map((view) => [view.number, view]));
          const replayer = new PickReplayer();
          const records = [...readRecords(worker!.records)].slice(-picked.length);
          for (const [i, record] of records.entries()) {
            assert.equal(record.picked, picked[i]);
            assert.deepEqual(replayer.replay(record, views.get(record.view)!), {
              picked: picked[i],
              difference: "",
            });
          }
        }
      });
    }
  }

  it("replays with the shares of its time, though spillover has changed them since", () => {
    const cluster = new TestCluster(mixedEndpoints(30), {
      locality: { ...locality, distribution: "PreferSameZone" },
    });
    const tiers = cluster.built.tiers.length;
    assert.ok(tiers > 1);
    const recorder = recorderOf(10_000);
    const random = new SeededRandom(3);
    for (let change = 0; change < 50; change++) {
      const shares = Float64Array.from({ length: tiers }, () => random.nextFloat());
      const sum = shares.reduce((total, share) => total + share, 0);
      cluster.share(shares.map((share) => share / sum));
      recordPicks(recorder, cluster, 100, change);
    }
    const { records, views } = recorder.all();
    assert.ok(views.length >= 50);
    assertAllReplay(records, views);
  });

  it("that is tampered with does not pass for a replay", () => {
    const cluster = new TestCluster(mixedEndpoints(20), {});
    const recorder = recorderOf(2000);
    recordPicks(recorder, cluster, 1000);
    const { records, views } = recorder.all();
    const byNumber = new Map(views.map((view) => [view.number, view]));
    const replayer = new PickReplayer();
    let different = 0;
    let checked = 0;
    for (const record of readRecords(records)) {
      const view = byNumber.get(record.view)!;
      if (record.tried.length > 0 || record.reads.length < 2) continue;
      checked++;
      const other = { ...record, draws: record.draws.map((draw) => (draw < 1 ? 1 - draw : draw + 1)) };
      if (replayer.replay(other, view).difference !== "") different++;
      const missing = replayer.replay({ ...record, reads: record.reads.slice(1) }, view);
      assert.match(missing.difference, /^read \d+: |not asked for/);
      const extra = replayer.replay({ ...record, draws: [...record.draws, 0.5] }, view);
      assert.equal(extra.difference, "0 loads and 1 draws were not asked for");
      const wrong = replayer.replay({ ...record, picked: -1 }, view);
      assert.match(wrong.difference, /recorded slot -1/);
    }
    assert.ok(checked > 100);
    assert.ok(different > checked / 2, `${different} of ${checked} with other draws`);
  });
});

describe("a recorder", () => {
  it("records the share it was told to, in no step with anything", () => {
    for (const sample of [0.01, 0.3, 1]) {
      const recorder = new PickRecorder(new SeededRandom(9));
      recorder.configure({ sample, ring: 64 });
      const due = Array.from({ length: 200_000 }, () => recorder.isDue());
      const share = due.filter(Boolean).length / due.length;
      assert.ok(Math.abs(share - sample) < 0.1 * sample, `${share} instead of ${sample}`);
      const gaps = new Set<number>();
      let last = 0;
      due.forEach((isDue, i) => {
        if (!isDue) return;
        gaps.add(i - last);
        last = i;
      });
      if (sample === 0.01) assert.ok(gaps.size > 50, `${gaps.size} different gaps`);
    }
  });

  it("gives up views when they take too much memory, and the records that name them are known to have none", () => {
    const registry = new SlotRegistry({ workerCount: 1 });
    const recorder = recorderOf(100_000);
    const endpoints = mixedEndpoints(2000);
    for (let version = 0; version < 80; version++) {
      const changed = endpoints.map((endpoint, n) => (n === version ? { ...endpoint, weight: 9 } : endpoint));
      recordPicks(recorder, new TestCluster(changed, {}, registry), 20, version);
    }
    const { records, views } = recorder.all();
    assert.ok(views.length < 60, `${views.length} views of 2000 endpoints are kept`);
    const numbers = new Set(views.map(({ number }) => number));
    assert.ok(numbers.has(80), "the newest is kept");
    const all = [...readRecords(records)];
    assert.equal(all.length, 1600);
    const shown = all.filter(({ view }) => numbers.has(view));
    assert.equal(shown.length, views.length * 20);
    assertAllReplay(records, views);
  });

  it("keeps no view that no record names", () => {
    const registry = new SlotRegistry({ workerCount: 1 });
    const recorder = recorderOf(64);
    for (let version = 0; version < 50; version++) {
      const cluster = new TestCluster(mixedEndpoints(5 + (version % 2)), {}, registry);
      recordPicks(recorder, cluster, 300, version);
    }
    const { records, views } = recorder.all();
    const named = new Set([...readRecords(records)].map(({ view }) => view));
    assert.deepEqual(new Set(views.map(({ number }) => number)), named);
  });

  it("tells who asks nothing of an older pick when the newest was too long", () => {
    const recorder = recorderOf(64);
    const cluster = new TestCluster(mixedEndpoints(3), {});
    const request = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(64) };
    const loads = changingLoads(1);
    recorder.record(cluster, request, loads, new SeededRandom(1), 0, PickCause.first);
    assert.notEqual(recorder.newest().view, undefined);
    request.triedCount = 20;
    recorder.record(cluster, request, loads, new SeededRandom(1), 0, PickCause.first);
    assert.equal(recorder.newest().view, undefined);
    assert.equal(recorder.recorded, 1);
  });
});

describe("a dump", () => {
  it("that is cut short or damaged is refused with its place, never guessed at", () => {
    const recorder = recorderOf(200);
    recordPicks(recorder, new TestCluster(mixedEndpoints(9), {}), 100);
    const octets = encodePickDump([dumpOf(recorder)]);
    assert.throws(() => decodePickDump(octets.subarray(0, 4)), /wanted a file of recorded picks/);
    for (let cut = 9; cut < octets.length - 1; cut += 37) {
      assert.throws(() => {
        const [worker] = decodePickDump(octets.subarray(0, cut));
        // A cut between two sections leaves whole ones; but then the worker's, the last, is missing.
        if (worker === undefined) throw new RangeError("octet 0: no worker");
      }, RangeError);
    }
    const random = new SeededRandom(4);
    for (let round = 0; round < 500; round++) {
      const damaged = octets.slice();
      for (let i = 0; i < 3; i++) damaged[8 + random.nextInt(damaged.length - 8)] = random.nextInt(256);
      try {
        for (const { records } of decodePickDump(damaged)) for (const _ of readRecords(records));
      } catch (error) {
        assert.ok(error instanceof RangeError, `${error}`);
      }
    }
  });
});

function recorderOf(ring: number): PickRecorder {
  const recorder = new PickRecorder(new SeededRandom(77));
  recorder.configure({ sample: 1, ring });
  return recorder;
}

function dumpOf(recorder: PickRecorder) {
  return { worker: 0, nowMs: 5, wallMs: 6, ...recorder.all() };
}

function assertAllReplay(records: Float64Array, views: ReturnType<PickRecorder["all"]>["views"]): void {
  const byNumber = new Map(views.map((view) => [view.number, view]));
  const replayer = new PickReplayer();
  for (const record of readRecords(records)) {
    const view = byNumber.get(record.view);
    if (view !== undefined) assert.equal(replayer.replay(record, view).difference, "");
  }
}
