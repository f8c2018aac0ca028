import assert from "node:assert/strict";
import { test } from "node:test";
import { data, headers, Parameter, settings, windowUpdate } from "../support/frames.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { literalBlock, REQUEST, RESPONSE } from "../support/literal-block.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { scriptedClient } from "../support/scripted-peer.ts";

const BLOCK = literalBlock(REQUEST);
const ONE_OCTET = { settings: { [Parameter.initialWindowSize]: 1 } };

function request(peer: ScriptedPeer, id: number, body: Buffer): void {
  peer.receive(headers(id, BLOCK, { end: true }));
  peer.headers(id, RESPONSE);
  peer.data(id, body, true);
}

/** @returns the content of the DATA frames that have left, by frame. */
function dataOf(peer: ScriptedPeer): Buffer[] {
  return peer.frames().flatMap(({ type, payload }) => (type === "DATA" ? [payload] : []));
}

test("a window of one octet lets a body through, octet by octet", (t) => {
  const peer = scriptedClient(t, ONE_OCTET);
  const body = keyedBody(1, 2000);
  request(peer, 1, body);
  const got = dataOf(peer);
  for (let i = 1; i < body.length; i++) {
    peer.receive(windowUpdate(1, 1));
    got.push(...dataOf(peer));
  }
  assert.ok(got.every(({ length }) => length === 1));
  assert.equal(firstForeignOctet(1, Buffer.concat(got)), -1);
  assert.equal(got.length, body.length);
  assert.equal(peer.connection.state.failed, false);
  assert.equal(peer.connection.state.index.get(1), 0, "the stream has ended");
});

test("a window opened by many small steps in one read is answered by one frame", (t) => {
  const peer = scriptedClient(t, ONE_OCTET);
  request(peer, 1, keyedBody(1, 5000));
  assert.equal(dataOf(peer).length, 1);
  peer.receive(...Array.from({ length: 1000 }, () => windowUpdate(1, 1)));
  assert.deepEqual(
    dataOf(peer).map(({ length }) => length),
    [1000],
  );
});

test("a window of the connection opened by many small steps is shared by one frame each", (t) => {
  const peer = scriptedClient(t);
  for (const id of [1, 3, 5]) request(peer, id, keyedBody(id, 65_000));
  dataOf(peer);
  peer.receive(...Array.from({ length: 900 }, () => windowUpdate(0, 1)));
  assert.equal(dataOf(peer).length, 1);
});

test("a window opened before its stream is reset sends nothing", (t) => {
  const peer = scriptedClient(t, ONE_OCTET);
  request(peer, 1, keyedBody(1, 5000));
  dataOf(peer);
  peer.receive(windowUpdate(1, 1000), Buffer.of(0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8));
  assert.deepEqual(dataOf(peer), []);
});

test("200 streams read octet by octet end with their connection, before they cost more than they may", (t) => {
  const peer = scriptedClient(t, ONE_OCTET);
  const body = Buffer.alloc(20_000);
  for (let id = 1; id < 400; id += 2) request(peer, id, body);
  let frames = dataOf(peer).length;
  let updates = 0;
  while (!peer.connection.state.failed) {
    for (let id = 1; id < 400 && !peer.connection.state.failed; id += 2, updates++) {
      peer.receive(windowUpdate(id, 1));
    }
    frames += dataOf(peer).length;
    // What leaves is a frame of 10 octets for each of 13.
    assert.ok(frames <= updates + 200);
    assert.ok(updates <= 20_000, "the connection is not ended");
  }
  assert.equal(peer.told().at(-1), "failed ENHANCE_YOUR_CALM windowUpdate");
});

test("a reader that opens its window for every frame it gets is never charged", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK));
  peer.headers(1, RESPONSE);
  for (let i = 0; i < 30_000; i++) {
    peer.receive(data(1, "12345"));
    peer.data(1, "1234567890");
    peer.receive(windowUpdate(0, 10), windowUpdate(1, 10));
    if (i % 50 === 0) dataOf(peer);
  }
  assert.equal(peer.connection.state.floodBudget, undefined);
});

test("a smaller initial window in mid-stream holds back what waits, and a larger one sends it", (t) => {
  const peer = scriptedClient(t, { settings: { [Parameter.initialWindowSize]: 1000 } });
  request(peer, 1, keyedBody(1, 3000));
  assert.deepEqual(
    dataOf(peer).map(({ length }) => length),
    [1000],
  );
  peer.receive(settings({ [Parameter.initialWindowSize]: 0 }), windowUpdate(1, 1000));
  assert.deepEqual(dataOf(peer), []);
  peer.receive(settings({ [Parameter.initialWindowSize]: 5000 }));
  assert.deepEqual(
    dataOf(peer).map(({ length }) => length),
    [2000],
  );
});
