import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EndpointStates } from "../../src/lb/endpoint-states.ts";

test("what is not in state 0 is found, in whatever order it was said and however much it is", () => {
  const marks = fc.array(fc.record({ index: fc.nat(2_999), state: fc.integer({ min: 1, max: 8 }) }), {
    size: "max",
    maxLength: 2_500,
  });
  fc.assert(
    fc.property(marks, fc.nat(2_999), fc.nat(3_000), (list, from, to) => {
      const states = new EndpointStates(3_000);
      const expected = new Uint8Array(3_000);
      for (const { index, state } of list) {
        states.mark(index, state);
        expected[index] = state;
      }
      assert.deepEqual(states.octets, expected);
      const found: number[] = [];
      for (let i = states.next(from, to); i < to; i = states.next(i + 1, to)) found.push(i);
      assert.deepEqual(
        found,
        [...expected.keys()].filter((i) => i >= from && i < to && expected[i] !== 0),
      );
    }),
    { numRuns: 50 },
  );
});

test("what is marked after a look is found by the next one", () => {
  const states = new EndpointStates(100);
  states.mark(50, 1);
  assert.equal(states.next(0, 100), 50);
  states.mark(7, 2);
  assert.equal(states.next(0, 100), 7);
  assert.equal(states.next(8, 100), 50);
  assert.equal(states.next(8, 40), 40);
});
