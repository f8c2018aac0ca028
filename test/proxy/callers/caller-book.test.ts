import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallerBook } from "../../../src/proxy/callers/caller-book.ts";
import type { NumberedCaller } from "../../../src/proxy/callers/numbered-caller.ts";
import { callingPod } from "./fixture/calling-pod.ts";

const [ADDRESS, OTHER_ADDRESS] = ["10.0.0.1", "10.0.0.2"];

function caller(uid: string, address = ADDRESS, changes: Partial<NumberedCaller> = {}): NumberedCaller {
  return { ...callingPod(uid, "shop", address), callerClass: 1, source: 1, ...changes };
}

describe("the book of a node's pods", () => {
  it("takes connections from the former owner of an address, also where it was nobody's meanwhile", () => {
    for (const meanwhile of [false, true]) {
      const book = new CallerBook();
      book.apply([caller("former")]);
      const former = book.find(ADDRESS)!;
      if (meanwhile) assert.equal(book.apply([]).displaced.size, 0);
      const { displaced } = book.apply([caller("later")]);
      assert.deepEqual([...displaced], [former]);
      assert.equal(book.find(ADDRESS)?.uid, "later");
    }
  });

  it("leaves connections to a pod that was not known for a while, and has it follow its list again", () => {
    const book = new CallerBook();
    book.apply([caller("one", ADDRESS, { mode: "transparent" }), caller("two", OTHER_ADDRESS)]);
    const before = [book.find(ADDRESS), book.find(OTHER_ADDRESS)];
    book.apply([]);
    assert.equal(book.find(ADDRESS), undefined);
    const back = book.apply([caller("two", OTHER_ADDRESS), caller("one", ADDRESS, { mode: "transparent" })]);
    assert.deepEqual([back.displaced.size, back.released.size], [0, 0]);
    assert.deepEqual([book.find(ADDRESS), book.find(OTHER_ADDRESS)], before);
    assert.deepEqual([...book.apply([caller("one", ADDRESS, { mode: "off" })]).released], [before[0]]);
  });

  it("takes them from a pod that comes back in another class, in which another namespace's may be", () => {
    const book = new CallerBook();
    book.apply([caller("one")]);
    const before = book.find(ADDRESS)!;
    book.apply([]);
    const { displaced } = book.apply([caller("one", ADDRESS, { callerClass: 2 })]);
    assert.deepEqual([...displaced], [before]);
    assert.equal(book.find(ADDRESS)?.callerClass, 2);
  });

  it("takes them from a pod that is gone and whose class is another namespace's by now", () => {
    const book = new CallerBook();
    book.apply([caller("gone")]);
    const gone = book.find(ADDRESS)!;
    assert.equal(book.apply([]).displaced.size, 0, "its last streams may finish");
    assert.equal(book.apply([caller("mate", OTHER_ADDRESS)]).displaced.size, 0, "as long as it is its own");
    const other = caller("other", "10.0.0.3", { namespace: "bank" });
    const mate = book.find(OTHER_ADDRESS)!;
    assert.deepEqual(book.apply([other]).displaced, new Set([gone, mate]));
  });
});
