import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceparent } from "../../../src/proxy/tracing/trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("a traceparent says trace, span and whether the caller records it", () => {
  const read = { traceId: TRACE, spanId: SPAN };
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), { ...read, isSampled: true });
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { ...read, isSampled: false });
  // Other flags say nothing of it.
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-02`), { ...read, isSampled: false });
});

test("a newer version may say more, version 00 may not", () => {
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes-later`)?.traceId, TRACE);
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-01-more`), undefined);
});

test("what is none is none", () => {
  for (const text of [
    "",
    "nonsense",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ])
    assert.equal(parseTraceparent(text), undefined, text);
});
