import assert from "node:assert/strict";
import { test } from "node:test";
import { continuation, data, headers, ping } from "../support/frames.ts";
import { literalBlock, REQUEST } from "../support/literal-block.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { scriptedClient } from "../support/scripted-peer.ts";

const BLOCK = literalBlock(REQUEST);

/** Plays octets at a time. @returns since when something is incomplete. */
function receiveAt(peer: ScriptedPeer, nowMs: number, ...octets: readonly Uint8Array[]): number {
  peer.engine.time.nowMs = nowMs;
  peer.receive(...octets);
  return peer.connection.state.incompleteSinceMs;
}

test("a frame that trickles in is incomplete since its first octet, however often more comes", (t) => {
  const peer = scriptedClient(t);
  const frame = headers(1, BLOCK, { end: true });
  for (let at = 0; at < frame.length - 1; at++) {
    assert.equal(receiveAt(peer, 2000 + at, frame.subarray(at, at + 1)), 2000);
  }
  assert.equal(receiveAt(peer, 9000, frame.subarray(-1)), 0);
  assert.deepEqual(peer.told(), ["headers 1 request end"]);
});

test("a header section is incomplete since its HEADERS, however many CONTINUATIONs come", (t) => {
  const peer = scriptedClient(t);
  assert.equal(receiveAt(peer, 2000, headers(1, BLOCK.subarray(0, 10), { more: true })), 2000);
  assert.equal(receiveAt(peer, 3000, continuation(1, BLOCK.subarray(10, 20), { more: true })), 2000);
  const last = continuation(1, BLOCK.subarray(20));
  assert.equal(receiveAt(peer, 4000, last.subarray(0, 12)), 2000);
  assert.equal(receiveAt(peer, 5000, last.subarray(12)), 0);
});

test("every frame that is finished begins the time of the next anew", (t) => {
  const peer = scriptedClient(t);
  const frame = ping("x");
  assert.equal(receiveAt(peer, 2000, frame.subarray(0, 5)), 2000);
  assert.equal(receiveAt(peer, 3000, frame.subarray(5), frame, frame.subarray(0, 3)), 3000);
  assert.equal(receiveAt(peer, 4000, frame.subarray(3)), 0);
});

test("DATA whose payload has not come whole is not incomplete, and octets are noted when they come", (t) => {
  const peer = scriptedClient(t);
  assert.equal(receiveAt(peer, 2000, headers(1, BLOCK), data(1, "1234567890").subarray(0, 12)), 0);
  assert.equal(peer.connection.state.lastReceivedMs, 2000);
  peer.engine.time.nowMs = 3000;
  assert.equal(peer.connection.state.lastReceivedMs, 2000);
});
