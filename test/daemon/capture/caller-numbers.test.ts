import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallerNumbers } from "../../../src/daemon/capture/caller-numbers.ts";
import type { Caller } from "../../../src/resource/caller.ts";
import { SourceNames } from "../../../src/telemetry/source-names.ts";
import { callingPod } from "../../proxy/callers/fixture/calling-pod.ts";

const SHOP = callingPod("u1", "shop", "10.0.0.1");
const BANK = callingPod("u2", "bank", "10.0.0.2");

describe("classes of callers", () => {
  it("rest when the last pod of a namespace has gone, and are its own again when one comes back", () => {
    const numbers = new CallerNumbers(new SourceNames());
    const [first] = numbers.apply([SHOP]).callers;
    assert.deepEqual(numbers.apply([]).leftClasses, [first!.callerClass]);
    const [bank] = numbers.apply([BANK]).callers;
    assert.notEqual(bank!.callerClass, first!.callerClass, "connections of the shop may stand yet");
    const [back] = numbers.apply([SHOP]).callers;
    assert.deepEqual([back!.callerClass, back!.source], [first!.callerClass, first!.source]);
  });

  it("are another namespace's when there is no other number, the one that has rested longest, and it is said again", () => {
    const numbers = new CallerNumbers(new SourceNames());
    const [shop] = numbers.apply([SHOP]).callers;
    numbers.apply([BANK]);
    const many = (count: number, name: string): Caller[] =>
      Array.from({ length: count }, (_, i) => callingPod(`${name}${i}`, `${name}${i}`, `10.1.0.${i + 1}`));
    // 254 in all, with the two that rest.
    const before = many(252, "n");
    assert.deepEqual(numbers.apply(before).leftClasses, [2], "the bank's last pod has gone");
    const after = numbers.apply([...before, ...many(1, "late")]);
    assert.equal(after.callers.at(-1)!.callerClass, shop!.callerClass);
    assert.deepEqual(after.leftClasses, [shop!.callerClass]);
    const full = numbers.apply([...before, ...many(4, "late")]);
    const classes = full.callers.slice(-4).map(({ callerClass }) => callerClass);
    assert.deepEqual(classes, [1, 2, 255, 255], "and the last is for all others");
    assert.deepEqual(numbers.apply(before).leftClasses, [1, 2, 255]);
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
