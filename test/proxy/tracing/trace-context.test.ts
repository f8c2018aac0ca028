import assert from "node:assert/strict";
import { test } from "node:test";
import { Sampling, samplingOf, takeSpanId, takeTraceId } from "../../../src/proxy/tracing/trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

/** Octets before the value: it stands anywhere. */
const AT = 3;

function judge(text: string): { sampling: Sampling; bytes: Buffer } {
  const bytes = Buffer.from(`${"f".repeat(AT)}${text}-01`, "latin1");
  return { sampling: samplingOf(bytes, AT, text.length), bytes };
}

test("a traceparent says trace, span and whether the caller records it", () => {
  const { sampling, bytes } = judge(`00-${TRACE}-${SPAN}-01`);
  assert.equal(sampling, Sampling.on);
  const [trace, span] = [new Uint8Array(16), new Uint8Array(8)];
  takeTraceId(trace, bytes, AT);
  takeSpanId(span, bytes, AT);
  const ids = [trace, span].map((id) => Buffer.from(id).toString("hex"));
  assert.deepEqual(ids, [TRACE, SPAN]);
  assert.equal(judge(`00-${TRACE}-${SPAN}-00`).sampling, Sampling.off);
  // Other flags say nothing of it.
  assert.equal(judge(`00-${TRACE}-${SPAN}-02`).sampling, Sampling.off);
  assert.equal(judge(`00-${TRACE}-${SPAN}-ff`).sampling, Sampling.on);
});

test("a newer version may say more, version 00 may not", () => {
  assert.equal(judge(`cc-${TRACE}-${SPAN}-01-what-comes-later`).sampling, Sampling.on);
  assert.equal(judge(`cc-${TRACE}-${SPAN}-01x`).sampling, Sampling.none);
  assert.equal(judge(`00-${TRACE}-${SPAN}-01-more`).sampling, Sampling.none);
});

test("what is none is none", () => {
  for (const text of [
    "",
    "nonsense",
    `ff-${TRACE}-${SPAN}-01`,
    `0g-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE.slice(1)}x-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-0`,
    `00-${TRACE}-${SPAN}-0x`,
    `00_${TRACE}-${SPAN}-01`,
    `00-${TRACE}_${SPAN}-01`,
    `00-${TRACE}-${SPAN}_01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ])
    assert.equal(judge(text).sampling, Sampling.none, text);
});
