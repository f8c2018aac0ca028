import assert from "node:assert/strict";
import { test } from "node:test";
import { RestTrim } from "../../src/daemon/rest-trim.ts";

const MB = 1_000_000;

/** A thread's heap that collecting brings back to 20 MB. */
function heap() {
  const state = { octets: 20 * MB, collections: 0 };
  const trim = new RestTrim(() => {
    state.collections++;
    state.octets = 20 * MB;
  });
  return {
    state,
    look: (nowMs: number, begun: number, open = 0) => trim.look(nowMs, begun, open, state.octets),
  };
}

test("a heap that has grown is collected after three seconds without a stream, once", () => {
  const { state, look } = heap();
  look(0, 1);
  state.octets = 50 * MB;
  look(2_000, 2);
  look(4_900, 2);
  assert.equal(state.collections, 0);
  look(5_000, 2);
  assert.equal(state.collections, 1);
  for (let ms = 5_250; ms < 60_000; ms += 250) look(ms, 2);
  assert.equal(state.collections, 1);
});

test("nothing is collected while a stream is open or others begin, however large the heap is", () => {
  const { state, look } = heap();
  look(0, 1, 1);
  state.octets = 90 * MB;
  for (let ms = 0; ms < 60_000; ms += 250) look(ms, 1, 1);
  for (let ms = 60_000; ms < 120_000; ms += 250) look(ms, Math.floor(ms / 1_000));
  assert.equal(state.collections, 0);
});

test("a heap that grows again and again is collected every ten seconds at most", () => {
  const { state, look } = heap();
  for (let ms = 0; ms <= 60_000; ms += 250) {
    look(ms, 1);
    if (ms % 5_000 === 2_500) state.octets = 50 * MB;
  }
  assert.ok(state.collections >= 5 && state.collections <= 7, `${state.collections} times`);
});

test("a heap that has grown by little is left alone", () => {
  const { state, look } = heap();
  look(0, 1);
  state.octets = 23 * MB;
  for (let ms = 0; ms < 60_000; ms += 250) look(ms, 1);
  assert.equal(state.collections, 0);
});
