import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallerNumbers } from "../../../src/daemon/capture/caller-numbers.ts";
import { SourceNames } from "../../../src/telemetry/source-names.ts";
import { callingPod } from "../../proxy/callers/fixture/calling-pod.ts";

const SHOP = callingPod("u1", "shop", "10.0.0.1");
const BANK = callingPod("u2", "bank", "10.0.0.2");

describe("classes of callers", () => {
  it("are given to another namespace when the last pod of one has gone", () => {
    const numbers = new CallerNumbers(new SourceNames());
    const [first] = numbers.apply([SHOP]).callers;
    assert.deepEqual(numbers.apply([]).leftClasses, [first!.callerClass]);
    const [second] = numbers.apply([BANK]).callers;
    assert.equal(second!.callerClass, first!.callerClass);
    assert.notEqual(second!.source, first!.source);
  });

  it("stay a namespace's while nobody knows whether its pods have gone", () => {
    const numbers = new CallerNumbers(new SourceNames());
    const before = numbers.apply([SHOP, BANK]).callers;
    const meanwhile = numbers.apply([], [SHOP, BANK]);
    assert.deepEqual([meanwhile.callers, meanwhile.leftClasses], [[], []]);
    const after = numbers.apply([BANK, SHOP]);
    assert.deepEqual(after.leftClasses, []);
    const classes = (callers: typeof before): unknown[] =>
      callers.map(({ uid, callerClass }) => [uid, callerClass]).sort();
    assert.deepEqual(classes(after.callers), classes(before));
  });
});
