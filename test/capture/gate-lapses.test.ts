import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GateLapses } from "../../src/capture/gate-lapses.ts";

describe("a gate that ran out by itself", () => {
  it("is noticed at the next renewal, with how late that was", () => {
    const lapses = new GateLapses();
    assert.equal(lapses.renewed(2_600, 90, 100), undefined);
    assert.equal(lapses.renewed(2_600, 1_090, 1_100), undefined);
    assert.deepEqual(lapses.renewed(2_500, 4_500, 4_600), {
      lateMs: 900,
      sinceRenewalMs: 3_500,
      nftMs: 100,
    });
    assert.equal(lapses.renewed(2_600, 5_600, 5_610), undefined);
  });

  it("is none when it is closed for a reason, nor when it opens after that", () => {
    const lapses = new GateLapses();
    lapses.renewed(2_600, 0, 10);
    assert.equal(lapses.renewed(0, 5_000, 5_010), undefined);
    assert.equal(lapses.renewed(2_600, 60_000, 60_010), undefined);
  });
});
