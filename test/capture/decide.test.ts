import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GenerationView } from "../../src/capture/decide.ts";
import { decide } from "../../src/capture/decide.ts";
import { HOLD_MS } from "../../src/capture/table-text.ts";

const NOW = 100_000;

function view(generation: string, more: Partial<GenerationView> = {}): GenerationView {
  const startedMs = generation.charCodeAt(0);
  const good = { goodAtMs: NOW - 100, goodRounds: 5, hasFailed: false, refused: false };
  return {
    generation,
    startedMs,
    port: startedMs,
    ready: true,
    draining: false,
    hasPlan: true,
    ...good,
    ...more,
  };
}

describe("decide", () => {
  it("gives new connections to the newest generation, and lets those of both live", () => {
    const { current, openUntilMs, aliveUntilMs } = decide([view("a"), view("b")], "a", NOW);
    assert.equal(current, "b");
    assert.equal(openUntilMs, NOW - 100 + HOLD_MS);
    assert.deepEqual([...aliveUntilMs.keys()], [97, 98]);
  });

  for (const [why, more] of [
    ["is not ready", { ready: false }],
    ["leaves", { draining: true }],
    ["has no plan", { hasPlan: false }],
    ["has no port", { port: 0 }],
    ["does not listen", { refused: true }],
    ["has never answered", { goodAtMs: Number.NEGATIVE_INFINITY }],
    ["answered too long ago", { goodAtMs: NOW - HOLD_MS }],
    ["has failed and answered twice since", { hasFailed: true, goodRounds: 2 }],
  ] as const)
    it(`leaves new connections to the older one when the newer ${why}`, () => {
      assert.equal(decide([view("a"), view("b", more)], "a", NOW).current, "a");
    });

  it("keeps a full generation current, with the gate closed and its connections alive", () => {
    const { current, openUntilMs, aliveUntilMs } = decide([view("b", { ready: false })], "b", NOW);
    assert.equal(current, "b");
    assert.ok(openUntilMs <= NOW);
    assert.ok(aliveUntilMs.has(98));
  });

  it("does not go back to an older generation because the newer one is full", () => {
    const { current, openUntilMs } = decide([view("a"), view("b", { ready: false })], "b", NOW);
    assert.equal(current, "b");
    assert.ok(openUntilMs <= NOW);
  });

  it("goes back to an older one when the newer one does not answer any more, or leaves", () => {
    assert.equal(decide([view("a"), view("b", { goodAtMs: 0 })], "b", NOW).current, "a");
    assert.equal(decide([view("a"), view("b", { draining: true })], "b", NOW).current, "a");
    assert.equal(decide([view("a")], "b", NOW).current, "a");
  });

  it("remembers who was current while there is nobody", () => {
    const decision = decide([], "b", NOW);
    assert.equal(decision.current, "b");
    assert.equal(decision.openUntilMs, 0);
    assert.equal(decision.aliveUntilMs.size, 0);
  });

  it("does not let connections of a generation live that has not answered in time", () => {
    const { aliveUntilMs } = decide([view("a", { goodAtMs: NOW - HOLD_MS })], "a", NOW);
    assert.equal(aliveUntilMs.size, 0);
  });
});
