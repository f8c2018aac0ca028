import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PushSlices } from "../../../src/xds/server/push-slices.ts";

/** Streams whose flush takes a time, on a clock that only they move; `slices` has what each slice sent to. */
function sliced(costMs: number) {
  let nowMs = 1_000;
  const ahead: (() => void)[] = [];
  const slices: number[][] = [];
  const faults: number[] = [];
  const order: (number | "out")[] = [];
  const turns = {
    nowMs: () => nowMs,
    later: (call: () => void) => void ahead.push(call),
    sent: () => void order.push("out"),
  };
  const stream = (id: number, isBroken = false) => ({
    id,
    flush() {
      nowMs += costMs;
      slices.at(-1)!.push(id);
      order.push(id);
      if (isBroken) throw new Error("broken");
    },
  });
  const pushes = new PushSlices<ReturnType<typeof stream>>(turns, ({ id }) => faults.push(id));
  /** One turn of the loop. */
  const turn = (): void => {
    const [slice, ...others] = ahead.splice(0);
    assert.equal(others.length, 0, "one slice a turn");
    slices.push([]);
    slice!();
  };
  const streams = (length: number, from = 0) => Array.from({ length }, (_, n) => stream(from + n));
  return { pushes, ahead, slices, order, faults, turn, stream, streams };
}

describe("PushSlices", () => {
  it("sends to many streams at a stretch where each takes little", () => {
    const { pushes, slices, turn, streams, ahead } = sliced(1 / 32);
    pushes.add(streams(300));
    turn();
    assert.equal(slices[0]!.length, 128);
    turn();
    turn();
    assert.equal(slices.flat().length, 300);
    assert.equal(ahead.length, 0, "no slice without a stream");
  });

  it("has what one stream sends go out before the next one's turn", () => {
    const { pushes, order, turn, streams } = sliced(1 / 32);
    pushes.add(streams(2));
    turn();
    assert.deepEqual(order.toSorted(), [0, 1, "out", "out"]);
    assert.deepEqual([order[1], order[3]], ["out", "out"]);
  });

  it("reads what has come after each stream that takes longer than a slice", () => {
    const { pushes, slices, turn, streams } = sliced(10);
    pushes.add(streams(3));
    turn();
    turn();
    turn();
    assert.deepEqual(
      slices.map(({ length }) => length),
      [1, 1, 1],
    );
  });

  it("has a change for few that comes meanwhile take turns with one for many", () => {
    const { pushes, slices, turn, streams } = sliced(1);
    pushes.add(streams(100));
    turn();
    pushes.add(streams(2, 1_000));
    turn();
    assert.equal(slices[1]!.filter((id) => id >= 1_000).length, 2, `${slices[1]}`);
    assert.equal(slices[1]!.length, 4);
  });

  it("goes on with the others when one fails, and leaves out who is gone", () => {
    const { pushes, slices, turn, stream, faults } = sliced(0);
    const gone = stream(2);
    pushes.add([stream(1, true)]);
    pushes.add([gone]);
    pushes.add([stream(3)]);
    pushes.delete(gone);
    turn();
    assert.deepEqual(slices, [[1, 3]]);
    assert.deepEqual(faults, [1]);
  });

  it("asks for one slice however many changes come before it", () => {
    const { pushes, ahead, streams } = sliced(1);
    for (let n = 0; n < 5; n++) pushes.add(streams(3, 10 * n));
    pushes.add([]);
    assert.equal(ahead.length, 1);
  });
});
