import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SeenFlow } from "../../src/capture/nft.ts";
import { Reclaimer } from "../../src/capture/reclaimer.ts";

const SERVICES = new Map([
  ["10.96.0.1 . 50051", "large"],
  ["10.96.0.2 . 50051", "small"],
]);
const always = (): boolean => true;

function flows(count: number, address = "10.96.0.1", source = "10.0.0.5"): SeenFlow[] {
  return Array.from({ length: count }, (_, i) => ({
    family: 4,
    source,
    sourcePort: 10_000 + i,
    address,
    port: 50051,
    expiresSeconds: 900 - (i % 10),
  }));
}

/** Seconds in which clients come back at once. @returns how many were left at the end of each. */
function move(reclaimer: Reclaimer, start: SeenFlow[], seconds: number): number[] {
  let left = start;
  const counts: number[] = [];
  for (let second = 0; second <= seconds; second++) {
    const { gentle } = reclaimer.choose(left, SERVICES, always, second * 1_000);
    const gone = new Set(gentle);
    left = left.filter((flow) => !gone.has(flow));
    counts.push(left.length);
  }
  return counts;
}

describe("Reclaimer", () => {
  it("moves 1,000 connections in 100 s: ten a second, to the last", () => {
    const reclaimer = new Reclaimer();
    const counts = move(reclaimer, flows(1_000), 101);
    assert.equal(counts[0], 1_000);
    assert.equal(counts[1], 990);
    assert.equal(counts[50], 500);
    assert.equal(counts[100], 0);
    assert.equal(reclaimer.reclaimed, 1_000);
  });

  it("moves one a second where 1 % is less, also beside a service that could use all", () => {
    const counts = move(new Reclaimer(), [...flows(10, "10.96.0.2"), ...flows(2_000)], 10);
    assert.equal(counts.at(-1), 2_010 - 100);
    const small = move(new Reclaimer(), flows(50, "10.96.0.2"), 50);
    assert.equal(small[1], 49);
    assert.equal(small[50], 0);
  });

  it("resets at most ten connections after a pause, however long it was", () => {
    const reclaimer = new Reclaimer();
    reclaimer.choose(flows(5_000), SERVICES, always, 0);
    assert.equal(reclaimer.choose(flows(5_000), SERVICES, always, 3_600_000).gentle.length, 10);
  });

  it("leaves pods alone that want it, and addresses that are no service's any more", () => {
    const reclaimer = new Reclaimer();
    const all = [...flows(100, "10.96.0.1", "10.0.0.9"), ...flows(100, "10.96.9.9")];
    for (let second = 0; second < 5; second++)
      assert.equal(
        reclaimer.choose(all, SERVICES, (source) => source !== "10.0.0.9", second * 1_000).gentle.length,
        0,
      );
  });

  it("begins with those in use, insists after 3 s, and gives up on the silent", () => {
    const reclaimer = new Reclaimer();
    const [used, silent] = flows(2, "10.96.0.2");
    const both = [
      { ...silent!, expiresSeconds: 1 },
      { ...used!, expiresSeconds: 900 },
    ];
    reclaimer.choose(both, SERVICES, always, 0);
    const first = reclaimer.choose(both, SERVICES, always, 1_000);
    assert.deepEqual(
      first.gentle.map((flow) => flow.sourcePort),
      [used!.sourcePort],
    );
    assert.deepEqual(first.firm, []);
    const later = reclaimer.choose(both, SERVICES, always, 4_000);
    assert.deepEqual(
      later.firm.map((flow) => flow.sourcePort),
      [used!.sourcePort],
    );
    assert.equal(reclaimer.reclaimed, 0);
    const last = reclaimer.choose(both, SERVICES, always, 9_000);
    assert.ok(!last.firm.some((flow) => flow.sourcePort === used!.sourcePort));
  });
});
