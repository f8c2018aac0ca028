import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { monotonicClock } from "../../../src/base/clock.ts";
import { NodeCapture } from "../../../src/daemon/capture/node-capture.ts";
import { ViewAge } from "../../../src/daemon/capture/view-age.ts";
import type { MainToWorker } from "../../../src/daemon/worker-messages.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { SourceNames } from "../../../src/telemetry/source-names.ts";
import { callingPod } from "../../proxy/callers/fixture/calling-pod.ts";
import { until } from "../../proxy/fixture/until.ts";

describe("what a control plane has said of pods", () => {
  it("is stale when none has been there for so long, and fresh as soon as one is", () => {
    let nowMs = 0;
    let isThere = true;
    const age = new ViewAge({ maxStaleMs: 1_000, isConfirmed: () => isThere, clock: { nowMs: () => nowMs } });
    const look = (atMs: number): readonly boolean[] => {
      nowMs = atMs;
      return [age.look(), age.isStale];
    };
    assert.deepEqual(look(5_000), [false, false]);
    isThere = false;
    assert.deepEqual(look(5_999), [false, false]);
    assert.deepEqual(look(6_000), [true, true]);
    assert.deepEqual(look(9_000), [false, true]);
    isThere = true;
    assert.deepEqual(look(9_001), [true, false]);
  });

  it("leads no new connection here when it is stale, and does again without being said anew", async () => {
    const runDir = mkdtempSync(join(tmpdir(), "isobar-age-"));
    let isThere = true;
    const told: number[] = [];
    const capture = new NodeCapture({
      config: {
        runDir,
        generation: "one",
        address: "169.254.77.1:15001",
        hostAddress: "",
        connect: { allowedTargets: [], deniedRanges: [] },
        anyIp: { ipv4: "240.18.0.0/16", ipv6: "fd00:77::/64" },
        services: [],
      },
      workers: 1,
      views: { maxStaleMs: 600, isConfirmed: () => isThere, clock: monotonicClock },
      broadcast: (message: MainToWorker) => {
        if (message.kind === "callers") told.push(message.callers.length);
      },
      publish: () => {},
      sources: new SourceNames(),
      counts: () => ({ accepted: 0, open: 0, ended: 0, finished: {} }),
      countsMark: () => 0,
      onSuperseded: () => {},
      state: () => ({ ready: true, draining: false }),
      log: createLog({ level: "error", stream: { write: () => {} } }),
    });
    const planned = (): number =>
      (JSON.parse(readFileSync(join(runDir, "one", "plan.json"), "utf8")) as { callers: unknown[] }).callers
        .length;
    try {
      capture.start();
      capture.views.onCallers({ name: "n", callers: [callingPod("u1", "shop", "10.0.0.1")] });
      capture.views.onCapture({ name: "all", services: [] });
      assert.deepEqual([told, planned()], [[1], 1]);
      isThere = false;
      await until("stale", () => told.length === 2);
      assert.deepEqual([told[1], planned()], [0, 0]);
      assert.equal(capture.notReadyReason, "the port of captured connections is not open yet");
      isThere = true;
      await until("fresh", () => told.length === 3);
      assert.deepEqual([told[2], planned()], [1, 1]);
    } finally {
      capture.close();
      rmSync(runDir, { recursive: true });
    }
  });
});
