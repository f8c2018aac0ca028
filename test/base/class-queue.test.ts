import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClassQueue } from "../../src/base/class-queue.ts";
import { SlotLinks } from "../../src/base/slot-list.ts";

/** A queue whose members' class is their slot's hundreds. */
function rig() {
  const queue = new ClassQueue(new SlotLinks(1_000));
  const classOf = (slot: number) => Math.floor(slot / 100);
  const push = (...slots: number[]) => {
    for (const slot of slots) queue.push(slot, classOf(slot));
  };
  const served: number[] = [];
  /** @param room by class: how many are served. */
  const serve = (room: Readonly<Record<number, number>>) => {
    const left: Record<number, number> = { ...room };
    served.length = 0;
    queue.serve((slot) => {
      const of = classOf(slot);
      if ((left[of] ?? 0) === 0) return false;
      left[of]!--;
      queue.remove(slot, of);
      served.push(slot);
      return true;
    });
    return [...served];
  };
  return { queue, push, serve };
}

describe("a queue of several classes", () => {
  it("of one class is first in, first out", () => {
    const { queue, push, serve } = rig();
    push(103, 101, 102);
    assert.deepEqual(serve({ 1: 2 }), [103, 101]);
    assert.deepEqual([queue.head, queue.size], [102, 1]);
  });

  it("serves classes in turn, however many of one came first", () => {
    const { push, serve } = rig();
    push(101, 102, 103, 104, 201, 301, 302);
    assert.deepEqual(serve({ 1: 9, 2: 9, 3: 9 }), [101, 201, 301, 102, 302, 103, 104]);
  });

  it("is not held up by a class that finds no room", () => {
    const { queue, push, serve } = rig();
    push(101, 102, 201, 202);
    assert.deepEqual(serve({ 2: 9 }), [201, 202]);
    assert.deepEqual([queue.sizeOf(1), queue.sizeOf(2), queue.size], [2, 0, 2]);
  });

  it("goes on with the class whose turn it is where there is room for one at a time", () => {
    const { queue, push } = rig();
    push(101, 102, 103, 201, 202);
    const served: number[] = [];
    for (let pass = 0; pass < 5; pass++) {
      let room = 1;
      queue.serve((slot) => {
        if (room-- <= 0) return false;
        queue.remove(slot, Math.floor(slot / 100));
        served.push(slot);
        return true;
      });
    }
    assert.deepEqual(served, [101, 201, 102, 202, 103]);
  });

  it("names the last one of the class with most members, and lets any member leave", () => {
    const { queue, push } = rig();
    push(101, 201, 202, 203);
    assert.deepEqual([queue.longest?.size, queue.longest?.tail], [3, 203]);
    queue.remove(202, 2);
    queue.remove(203, 2);
    queue.remove(201, 2);
    assert.deepEqual([queue.longest?.size, queue.longest?.tail, queue.head], [1, 101, 101]);
    queue.remove(101, 1);
    assert.deepEqual([queue.longest, queue.head], [undefined, 0]);
  });
});
