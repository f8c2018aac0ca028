import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OverloadManager, overloadStage } from "../../src/daemon/overload-manager.ts";
import type { MemoryUse } from "../../src/daemon/overload-memory.ts";
import { GuardCell } from "../../src/telemetry/guard-cell.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { OverloadStage } from "../../src/telemetry/overload-state.ts";
import { OverloadState } from "../../src/telemetry/overload-state.ts";
import { WorkerColumn, WorkerCounters } from "../../src/telemetry/worker-counters.ts";

const THRESHOLDS = { stopReadingAtShare: 0.8, refuseStreamsAtShare: 0.9, notReadyAtShare: 0.95 };
const MIB = 1_048_576;

describe("the stages of overload", () => {
  it("begin at their shares and end 5 % below them", () => {
    const steps: readonly [share: number, stage: number][] = [
      [0.79, 0],
      [0.8, 1],
      [0.76, 1],
      [0.74, 0],
      [0.96, 3],
      [0.91, 3],
      [0.89, 2],
      [0.86, 2],
      [0.84, 1],
      [0.1, 0],
    ];
    let stage: OverloadStage = 0;
    for (const [share, wanted] of steps) {
      stage = overloadStage(share, share, stage, THRESHOLDS);
      assert.equal(stage, wanted, `at ${share}`);
    }
  });
});

describe("the stages of overload, where much of what is resident could be used again", () => {
  it("begin half of the way from their shares to the limit", () => {
    const at = (resident: number, present: OverloadStage) =>
      overloadStage(0.5, resident, present, THRESHOLDS);
    assert.equal(at(0.89, 0), 0);
    assert.equal(at(0.9, 0), 1);
    assert.equal(at(0.951, 0), 2);
    assert.equal(at(0.93, 2), 2);
    assert.equal(at(0.92, 2), 1);
    assert.equal(at(0.98, 0), 3);
    assert.equal(at(0.87, 1), 0);
  });
});

describe("the overload manager", () => {
  function stage(use: () => MemoryUse | undefined) {
    const state = new OverloadState();
    const workers = new WorkerCounters(2);
    const lines: string[] = [];
    const readiness: (string | undefined)[] = [];
    const log = {
      warn: (message: string, fields: unknown) => lines.push(`warn ${message} ${JSON.stringify(fields)}`),
      info: (message: string, fields: unknown) => lines.push(`info ${message} ${JSON.stringify(fields)}`),
    } as unknown as Log;
    const manager = new OverloadManager({
      memory: { read: use },
      thresholds: THRESHOLDS,
      state,
      workers,
      log,
      onReadiness: (reason) => readiness.push(reason),
    });
    return { state, workers, lines, readiness, manager };
  }

  it("says each change once, with figures, and takes readiness away and gives it back", () => {
    let usedOctets = 50 * MIB;
    const { state, lines, readiness, manager } = stage(() => ({ limitOctets: 100 * MIB, usedOctets }));
    try {
      for (const used of [50, 81, 82, 96, 97, 88, 60, 60]) {
        usedOctets = used * MIB;
        manager.check();
      }
      assert.deepEqual(
        lines.map((line) => line.replace(/"residentOctets":\d+,"limitOctets":104857600,/, "")),
        [
          `warn memory: the clients that hold most are not read {"usedOctets":${81 * MIB},"stage":1,"formerStage":0}`,
          `warn memory: not ready for traffic {"usedOctets":${96 * MIB},"stage":3,"formerStage":1}`,
          `info memory: new streams are refused {"usedOctets":${88 * MIB},"stage":2,"formerStage":3}`,
          `info memory: no longer short {"usedOctets":${60 * MIB},"stage":0,"formerStage":2}`,
        ],
      );
      assert.deepEqual(readiness, ["short of memory: 96 % of 100 MiB are used", undefined]);
      assert.equal(state.stage, 0);
      assert.equal(state.usedOctets, 60 * MIB);
      assert.deepEqual(
        [1, 2, 3].map((each) => state.timesEntered(each as OverloadStage)),
        [1, 1, 1],
      );
    } finally {
      manager.close();
    }
  });

  it("does not count buffers that are free for what comes next, up to a quarter of the limit", () => {
    const { state, workers, manager } = stage(() => ({ limitOctets: 100 * MIB, usedOctets: 91 * MIB }));
    try {
      assert.equal(state.stage, 2);
      for (const worker of [0, 1]) {
        workers.row(worker)[WorkerColumn.guard + GuardCell.slabTouchedOctets] = 30 * MIB;
        workers.row(worker)[WorkerColumn.slabUsedOctets] = 29 * MIB;
      }
      manager.check();
      assert.equal(state.usedOctets, 89 * MIB);
      assert.equal(state.stage, 2);
      for (const worker of [0, 1]) workers.row(worker)[WorkerColumn.slabUsedOctets] = 0;
      manager.check();
      assert.equal(state.usedOctets, 66 * MIB);
      assert.equal(state.stage, 1, "all that is resident still leaves little room");
    } finally {
      manager.close();
    }
  });

  it("is at rest when memory can no longer be read", () => {
    let use: MemoryUse | undefined = { limitOctets: 100 * MIB, usedOctets: 99 * MIB };
    const { state, readiness, manager } = stage(() => use);
    try {
      assert.equal(state.stage, 3);
      use = undefined;
      manager.check();
      assert.equal(state.stage, 0);
      assert.deepEqual(readiness.at(-1), undefined);
      assert.equal(readiness.length, 2);
    } finally {
      manager.close();
    }
  });
});
