import assert from "node:assert/strict";
import { test } from "node:test";
import { consume } from "../../src/h2/receive-data.ts";
import { discardStream } from "../../src/h2/reset-stream.ts";
import { data, frame, headers, reset } from "../support/frames.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { literalBlock, REQUEST, RESPONSE } from "../support/literal-block.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";

const BLOCK = literalBlock(REQUEST);

/** Sends a body in frames of 16 KiB. */
function send(peer: ScriptedPeer, id: number, body: Buffer, end = false): void {
  for (let at = 0; at < body.length; at += 16_384) {
    const part = body.subarray(at, at + 16_384);
    peer.receive(data(id, part, { end: end && at + part.length === body.length }));
  }
}

/** Sum of the window updates among frames, by stream id. */
function granted(peer: ScriptedPeer): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { type, id, payload } of peer.frames()) {
    if (type === "WINDOW_UPDATE") sums.set(id, (sums.get(id) ?? 0) + payload.readUInt32BE());
  }
  return sums;
}

test("padding is not part of the body, but of the windows", (t) => {
  const peer = scriptedClient(t, {
    limits: { connectionWindowOctets: 65_535, maxStreamWindowOctets: 65_535 },
  });
  peer.receive(headers(1, BLOCK));
  let sent = 0;
  for (let i = 0; i < 400; i++) {
    peer.receive(data(1, "a", { padding: 255 }));
    sent += 257;
  }
  const sums = granted(peer);
  const { state } = peer.connection;
  assert.equal(peer.sink.body(1).length, 400);
  assert.equal(state.recvWindow, 65_535 - sent + sums.get(0)!);
  assert.equal(peer.engine.streams.recvWindow[peer.slot(1)], 65_535 - sent + sums.get(1)!);
  assert.ok(state.recvWindow > 32_767);
});

test("frames of padding alone, and empty ones, end streams", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK), headers(3, BLOCK), headers(5, BLOCK));
  peer.receive(data(1, "", { padding: 20, end: true }), data(3, "", { padding: 0, end: true }));
  peer.receive(data(5, ""), data(5, "", { end: true }));
  assert.deepEqual(peer.told().slice(3), ["data 1 0 end", "data 3 0 end", "data 5 0 end"]);
});

for (const [what, octets, error] of [
  ["on stream 0", data(0, "x"), "PROTOCOL_ERROR"],
  ["on an idle stream", data(5, "x"), "PROTOCOL_ERROR"],
  ["on an even stream", data(2, "x"), "PROTOCOL_ERROR"],
  ["padded without a pad length", frame("DATA", 8, 1, Buffer.alloc(0)), "FRAME_SIZE_ERROR"],
  ["with padding as long as the frame", frame("DATA", 8, 1, Buffer.of(3, 0, 0)), "PROTOCOL_ERROR"],
] as const) {
  test(`DATA ${what} is a connection error`, (t) => {
    const peer = scriptedClient(t);
    peer.receive(headers(1, BLOCK), octets);
    assert.equal(peer.told().at(-1), `failed ${error}`);
  });
}

test("DATA after the end is an error of the stream", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK, { end: true }), data(1, "x"));
  assert.deepEqual(peer.told().slice(1), ["reset 1 STREAM_CLOSED peerError", "closed 1"]);
  assert.deepEqual(peer.said(), ["RST_STREAM 1 STREAM_CLOSED"]);
});

test("DATA on a closed stream is answered once with STREAM_CLOSED; after a reset of ours not at all", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK, { end: true }), headers(3, BLOCK), headers(5, BLOCK), reset(5, "CANCEL"));
  peer.headers(1, RESPONSE, true);
  peer.reset(3, 8);
  peer.said();
  peer.receive(data(1, "x"), data(1, "x"), data(3, "x"), data(5, "x"));
  assert.deepEqual(peer.said(), ["RST_STREAM 1 STREAM_CLOSED", "RST_STREAM 5 STREAM_CLOSED"]);
});

test("the connection's window comes back on receipt, whoever the octets were for", (t) => {
  const peer = scriptedClient(t);
  peer.sink.consumes = false;
  peer.receive(headers(1, BLOCK), headers(3, BLOCK));
  peer.reset(1, 8);
  let sent = 0;
  for (let i = 0; i < 100; i++, sent += 16_384) peer.receive(data(1, Buffer.alloc(16_384)));
  assert.ok(peer.connection.state.recvWindow > 2 ** 19);
  assert.equal(peer.connection.state.recvWindow, 2 ** 20 - sent + granted(peer).get(0)!);
  assert.ok(!peer.connection.state.failed);
});

test("DATA beyond the stream's window ends the stream, beyond the connection's the connection", (t) => {
  const peer = scriptedClient(t);
  peer.sink.consumes = false;
  peer.receive(headers(1, BLOCK));
  send(peer, 1, Buffer.alloc(65_535));
  peer.told();
  peer.receive(data(1, "x"));
  assert.deepEqual(peer.told(), ["reset 1 FLOW_CONTROL_ERROR peerError", "closed 1"]);
  const narrow = scriptedClient(t, { limits: { connectionWindowOctets: 200_000 } });
  narrow.receive(headers(1, BLOCK));
  // Beyond the window at once: nothing can have come back.
  narrow.connection.state.recvWindow = 10;
  narrow.receive(data(1, "x".repeat(11)));
  assert.equal(narrow.told().at(-1), "failed FLOW_CONTROL_ERROR");
});

test("a stream's window comes back when its reader has consumed half of it, not before", (t) => {
  const peer = scriptedClient(t, { limits: { maxStreamWindowOctets: 65_535 } });
  peer.sink.consumes = false;
  peer.receive(headers(1, BLOCK));
  send(peer, 1, Buffer.alloc(60_000));
  const slot = peer.slot(1);
  consume(peer.connection.state, slot, 30_000, true);
  assert.equal(granted(peer).get(1), undefined);
  consume(peer.connection.state, slot, 10_000, true);
  assert.equal(granted(peer).get(1), 40_000);
});

test("a window doubles while its reader keeps up, to its limit", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK));
  const body = keyedBody(1, 4 * 2 ** 20);
  send(peer, 1, body);
  const target = peer.engine.streams.recvTarget[peer.slot(1)]!;
  assert.equal(target, 65_535 * 16);
  assert.equal(peer.engine.grownOctets, target - 65_535);
  assert.equal(granted(peer).get(1)! + 65_535 - body.length, peer.engine.streams.recvWindow[peer.slot(1)]);
  assert.equal(firstForeignOctet(1, peer.sink.body(1)), -1);
});

test("a window does not grow for a reader that is slow, nor for octets that are dropped", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK), headers(3, BLOCK));
  peer.sink.consumes = false;
  peer.sink.on.onData = (slot, _, length) => consume(peer.connection.state, slot, length, false);
  discardStream(peer.connection.state, peer.slot(3));
  send(peer, 1, Buffer.alloc(500_000));
  send(peer, 3, Buffer.alloc(500_000));
  assert.equal(peer.engine.grownOctets, 0);
});

test("all windows together grow within their budget, which ended streams give back", (t) => {
  const peer = scriptedClient(t, { limits: { grownWindowsOctets: 200_000 } });
  for (let id = 1; id < 20; id += 2) {
    peer.receive(headers(id, BLOCK));
    send(peer, id, Buffer.alloc(300_000));
    assert.ok(peer.engine.grownOctets <= 200_000);
  }
  assert.ok(peer.engine.grownOctets > 100_000);
  for (let id = 1; id < 20; id += 2) peer.receive(reset(id, "CANCEL"));
  assert.equal(peer.engine.grownOctets, 0);
});

test("windows neither grow nor keep what they grew by while memory is short", (t) => {
  const peer = scriptedClient(t);
  const { engine } = peer;
  peer.receive(headers(1, BLOCK), headers(3, BLOCK));
  send(peer, 1, Buffer.alloc(500_000));
  const slot = peer.slot(1);
  const grown = engine.streams.recvTarget[slot]!;
  assert.ok(grown > 4 * 65_535);
  engine.frugal = true;
  peer.sink.consumes = false;
  let left = engine.streams.recvWindow[slot]!;
  for (let rounds = 0; left > 65_535 && rounds < 20; rounds++) {
    const octets = Math.min(left, 100_000);
    send(peer, 1, Buffer.alloc(octets));
    consume(peer.connection.state, slot, octets, true);
    left = engine.streams.recvWindow[slot]!;
  }
  assert.equal(engine.streams.recvTarget[slot], 65_535);
  assert.equal(engine.grownOctets, 0);
  // It goes on at the size that every stream has.
  send(peer, 1, Buffer.alloc(40_000));
  const before = engine.streams.recvWindow[slot]!;
  consume(peer.connection.state, slot, 40_000, true);
  assert.ok(engine.streams.recvWindow[slot]! - before >= 40_000);
  send(peer, 3, Buffer.alloc(40_000));
  consume(peer.connection.state, peer.slot(3), 40_000, true);
  assert.equal(engine.grownOctets, 0);
});

test("a stream that has ended gets no window updates", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK));
  peer.sink.consumes = false;
  send(peer, 1, Buffer.alloc(60_000), true);
  peer.said();
  consume(peer.connection.state, peer.slot(1), 60_000, true);
  assert.deepEqual(peer.said(), []);
});

test("DATA is passed on as it arrives, before its frame is whole, and padding never", (t) => {
  const peer = scriptedClient(t);
  const body = keyedBody(7, 1000);
  const octets = data(1, body, { padding: 100, end: true });
  peer.receive(headers(1, BLOCK), octets.subarray(0, 9));
  peer.receive(octets.subarray(9, 10), octets.subarray(10, 110));
  assert.deepEqual(peer.told(), ["headers 1 request", "data 1 100"]);
  peer.receive(octets.subarray(110, 1050));
  peer.receive(octets.subarray(1050));
  assert.deepEqual(peer.told(), ["data 1 900 end"]);
  assert.deepEqual(peer.sink.body(1), body);
});

test("a stream that ends in the middle of a frame drops the rest of it", (t) => {
  const peer = scriptedClient(t);
  const octets = data(1, Buffer.alloc(1000), { end: true });
  peer.receive(headers(1, BLOCK), octets.subarray(0, 500));
  peer.reset(1, 8);
  peer.receive(octets.subarray(500), headers(3, BLOCK, { end: true }));
  assert.deepEqual(peer.told(), ["headers 1 request", "data 1 491", "closed 1", "headers 3 request end"]);
});

for (const [length, ...sizes] of [
  [10, 4, 7],
  [10, 4, 5],
  [0, 1],
  [10, 0],
] as const) {
  test(`content-length ${length} with ${sizes.join(" + ")} octets is an error of the stream`, (t) => {
    const fields = { ...REQUEST, "content-length": String(length) };
    const peer = scriptedClient(t);
    peer.receive(headers(1, literalBlock(fields)));
    for (const [i, size] of sizes.entries()) {
      peer.receive(data(1, Buffer.alloc(size), { end: i === sizes.length - 1, padding: 5 }));
    }
    assert.deepEqual(peer.told().slice(-2), ["reset 1 PROTOCOL_ERROR peerError", "closed 1"]);
  });
}

test("content-length is held against requests without a body and against trailers", (t) => {
  const peer = scriptedClient(t);
  const block = literalBlock({ ...REQUEST, "content-length": "5" });
  peer.receive(headers(1, block, { end: true }));
  assert.deepEqual(peer.told(), ["reset 1 PROTOCOL_ERROR peerError", "closed 1"]);
  peer.receive(headers(3, block), data(3, "1234"), headers(3, literalBlock({ a: "b" }), { end: true }));
  assert.deepEqual(peer.told().slice(-2), ["reset 3 PROTOCOL_ERROR peerError", "closed 3"]);
  peer.receive(headers(5, block), data(5, "12345"), headers(5, literalBlock({ a: "b" }), { end: true }));
  assert.equal(peer.told().at(-1), "headers 5 trailers end");
});

test("a response without a body may carry any content-length, as one to HEAD does", (t) => {
  const peer = scriptedServer(t);
  peer.open(REQUEST, true);
  peer.receive(headers(1, literalBlock({ ...RESPONSE, "content-length": "5" }), { end: true }));
  assert.deepEqual(peer.told(), ["headers 1 response end", "closed 1"]);
});
