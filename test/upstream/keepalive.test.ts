import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { Keepalive } from "../../src/upstream/keepalive.ts";

const TIME_MS = 10_000;
const TIMEOUT_MS = 20_000;
const MINUTE_MS = 60_000;

describe("keepalive towards an endpoint", () => {
  it("sends one PING after a silence, and gives up when nothing at all comes within the timeout", () => {
    const keepalive = new Keepalive();
    const check = (nowMs: number, lastMs: number) => keepalive.check(nowMs, lastMs, TIME_MS, TIMEOUT_MS);
    assert.equal(check(9_999, 0), "none");
    assert.equal(check(10_000, 0), "ping");
    assert.equal(check(29_999, 0), "none");
    assert.equal(check(30_000, 0), "lost");
  });

  it("is content with any octet, and then does not PING again for five minutes of silence", () => {
    const keepalive = new Keepalive();
    const check = (nowMs: number, lastMs: number) => keepalive.check(nowMs, lastMs, TIME_MS, TIMEOUT_MS);
    assert.equal(check(10_000, 0), "ping");
    keepalive.answered();
    assert.equal(check(30_000, 10_001), "none");
    assert.equal(check(10_000 + 5 * MINUTE_MS, 10_001), "none");
    assert.equal(check(10_000 + 5 * MINUTE_MS + 10_000, 10_001), "ping");
  });

  it("PINGs again after the next silence when the endpoint has spoken since its answer, not before it", () => {
    const keepalive = new Keepalive();
    const check = (nowMs: number, lastMs: number) => keepalive.check(nowMs, lastMs, TIME_MS, TIMEOUT_MS);
    assert.equal(check(10_000, 0), "ping");
    keepalive.heard = true;
    keepalive.answered();
    assert.equal(check(25_000, 10_010), "none", "sent before the server read our PING");
    keepalive.heard = true;
    assert.equal(check(35_000, 25_000), "ping");
  });

  it("never PINGs where it is off", () => {
    assert.equal(new Keepalive().check(10 ** 9, 0, 0, TIMEOUT_MS), "none");
  });

  it("stays below the strikes of a default gRPC server, whatever the traffic", () => {
    for (let seed = 1; seed <= 200; seed++) playAgainstServer(new SeededRandom(seed));
  });

  it("would not stay below them if it took any octet for leave to PING: the server of this test does strike", () => {
    assert.throws(() => {
      for (let seed = 1; seed <= 200; seed++) playAgainstServer(new SeededRandom(seed), 1);
    }, /too_many_pings/);
  });
});

/**
 * Plays hours of a connection against the rule of grpc-go, grpc-java and gRPC core: a PING within five minutes of the last is
 * a strike unless HEADERS or DATA were sent since it; the third strike is the end.
 */
function playAgainstServer(random: SeededRandom, minPingMs?: number): void {
  const keepalive = new Keepalive(minPingMs);
  let lastReceivedMs = 0;
  let strikes = 0;
  let lastPingMs = Number.NEGATIVE_INFINITY;
  let spoke = true;
  let pings = 0;
  for (let nowMs = 0; nowMs < 4 * 60 * MINUTE_MS; nowMs += 1000) {
    const draw = random.nextFloat();
    // Half an hour of talk, half an hour of credit alone, half an hour of silence, in turn.
    const phase = Math.floor(nowMs / (30 * MINUTE_MS)) % 3;
    if (phase === 0 && draw < 0.05) {
      spoke = keepalive.heard = true;
      lastReceivedMs = nowMs;
    } else if (phase === 1 && draw < 0.05) {
      lastReceivedMs = nowMs;
    }
    const step = keepalive.check(nowMs, lastReceivedMs, TIME_MS, TIMEOUT_MS);
    assert.notEqual(step, "lost");
    if (step === "none") continue;
    pings++;
    // What is under way to us while our PING is under way to the server.
    if (phase === 0 && random.nextFloat() < 0.3) {
      spoke = true;
      keepalive.heard = true;
    }
    if (!spoke && nowMs - lastPingMs < 5 * MINUTE_MS) strikes++;
    if (spoke) strikes = 0;
    if (strikes > 2) throw new Error(`too_many_pings after ${pings}`);
    spoke = false;
    lastPingMs = nowMs;
    lastReceivedMs = nowMs + 1;
    keepalive.answered();
  }
  assert.ok(pings > 10, `${pings} PINGs only`);
}
