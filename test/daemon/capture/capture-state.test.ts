import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CaptureState } from "../../../src/daemon/capture/capture-state.ts";
import { ServiceNumbers } from "../../../src/daemon/capture/service-numbers.ts";

describe("what isobar capture says", () => {
  it("is read as far as it makes sense", () => {
    const state = new CaptureState();
    const now = 1_000_000;
    const generations = [
      null,
      { generation: "other", planVersion: "1" },
      { generation: "own", planVersion: "2" },
    ];
    const bypassed = [null, { service: "a.b:1", connections: 3 }, { service: 7 }];
    const counts = { capturedTotal: 5, reclaimedTotal: -1, failOpenSecondsTotal: "x", inertSinceMs: 7 };
    state.update({ current: "own", echoPort: 77, writtenMs: now, generations, bypassed, ...counts }, "own");
    assert.deepEqual([state.current, state.echoPort, state.planVersion], ["own", 77, "2"]);
    assert.ok(state.isFresh(now + 4_000) && !state.isFresh(now + 6_000));
    const { captured, reclaimed, failOpenSeconds, isInert, bypassed: past } = state.counts;
    assert.deepEqual(
      [captured, reclaimed, failOpenSeconds, isInert, [...past]],
      [5, 0, 0, true, [["a.b:1", 3]]],
    );
    state.update({ current: 5, echoPort: 70_000, generations: "none" }, "own");
    assert.deepEqual([state.current, state.echoPort, state.planVersion], [undefined, 0, ""]);
    assert.ok(!state.isFresh(now));
  });
});

describe("numbers of captured services", () => {
  const service = (name: string) => ({ service: name, addresses: ["10.0.0.1"], port: 1 });

  it("are kept for ever: a service that comes back has its own again, and nobody else ever had it", () => {
    const numbers = new ServiceNumbers();
    assert.deepEqual(numbers.apply([service("a:1"), service("b:1")]).added, [
      { number: 1, service: "a:1" },
      { number: 2, service: "b:1" },
    ]);
    assert.deepEqual(numbers.apply([service("b:1"), service("c:1")]), {
      added: [{ number: 3, service: "c:1" }],
      removed: [1],
      refused: [],
    });
    assert.deepEqual(numbers.apply([service("a:1")]).added, [{ number: 1, service: "a:1" }]);
    assert.deepEqual(
      numbers.services.map(({ number }) => number),
      [1],
    );
  });

  it("that are used up are given to nobody, and that is said", () => {
    const numbers = new ServiceNumbers(2);
    assert.deepEqual(numbers.apply([service("a:1"), service("b:1"), service("c:1")]).refused, ["c:1"]);
    assert.deepEqual(
      numbers.apply([service("c:1")]).refused,
      ["c:1"],
      "a number is not free because its service has gone",
    );
  });
});
