import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../../src/base/random.ts";
import { joinBlockedRing, leaveBlockedRing } from "../../../src/h2/stream/blocked-ring.ts";
import { scriptedClient } from "../../support/scripted-peer.ts";

test("streams leave the ring in the order they joined, or from anywhere, each standing in it once", (t) => {
  const { connection, engine } = scriptedClient(t, { maxStreams: 40 });
  const { state } = connection;
  const random = new SeededRandom(11);
  const model: number[] = [];
  for (let step = 0; step < 5000; step++) {
    const slot = 1 + random.nextInt(30);
    const at = model.indexOf(slot);
    if (random.nextFloat() < 0.5) {
      joinBlockedRing(state, slot);
      if (at < 0) model.push(slot);
    } else {
      leaveBlockedRing(state, slot);
      if (at >= 0) model.splice(at, 1);
    }
    assert.equal(state.blockedHead, model[0] ?? 0);
    let next = state.blockedHead;
    for (const wanted of model) {
      assert.equal(next, wanted);
      next = engine.streams.blockedNext[next]!;
    }
    assert.equal(next, state.blockedHead);
  }
  for (const slot of model) leaveBlockedRing(state, slot);
});
