import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PathWatch } from "../../src/capture/path-watch.ts";

/** Notes one state each second. */
function watch(
  totals: (second: number) => {
    readonly dialled: number;
    readonly captured: number;
    readonly carried: number;
  },
  seconds: number,
  hasWork = true,
): PathWatch {
  const path = new PathWatch();
  for (let second = 0; second <= seconds; second++) path.note(totals(second), hasWork, second * 1_000);
  return path;
}

describe("PathWatch", () => {
  it("says that capture is inert when pods dial for 2 minutes and nothing comes to the table", () => {
    const path = watch((second) => ({ dialled: second, captured: 0, carried: 0 }), 122);
    assert.equal(path.inertSinceMs(121_000), 1_000);
    assert.equal(path.inertSinceMs(120_999), undefined);
  });

  it("does not say so of pods that are silent, that use connections of before, or that nothing is captured of", () => {
    assert.equal(
      watch(() => ({ dialled: 7, captured: 0, carried: 0 }), 300).inertSinceMs(300_000),
      undefined,
    );
    const carried = watch((second) => ({ dialled: second, captured: 0, carried: second }), 300);
    assert.equal(carried.inertSinceMs(300_000), undefined);
    const idle = watch((second) => ({ dialled: second, captured: 0, carried: 0 }), 300, false);
    assert.equal(idle.inertSinceMs(300_000), undefined);
  });

  it("lets connections past for a minute when none arrives of those that are led to the proxy", () => {
    const path = watch((second) => ({ dialled: second, captured: second, carried: 0 }), 4);
    assert.equal(path.isPaused(4_000), true);
    assert.equal(path.isPaused(64_000), false);
  });

  it("does not do so for a single one, or while others arrive", () => {
    assert.equal(watch(() => ({ dialled: 1, captured: 1, carried: 0 }), 10).isPaused(10_000), false);
    const arriving = watch((second) => ({ dialled: second, captured: second, carried: second * 9 }), 10);
    assert.equal(arriving.isPaused(10_000), false);
  });
});
