import assert from "node:assert/strict";
import { test } from "node:test";
import {
  data,
  frame,
  goaway,
  headers,
  Parameter,
  ping,
  priority,
  reset,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { literalBlock, REQUEST, RESPONSE } from "../support/literal-block.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";

const BLOCK = literalBlock(REQUEST);
const NOTHING = Buffer.alloc(0);

test("a PING is answered with its octets, an answer to ours is told by its token", (t) => {
  const peer = scriptedClient(t);
  peer.receive(ping("8 octets"));
  assert.deepEqual(peer.said(), ["PING ACK 8 octets"]);
  peer.connection.ping(0x7fff_fffe);
  const [ours] = peer.frames();
  peer.receive(frame("PING", 1, 0, ours!.payload));
  assert.deepEqual(peer.told(), [`pong ${0x7fff_fffe}`]);
});

for (const [what, octets, error] of [
  ["PING on a stream", frame("PING", 0, 1, Buffer.alloc(8)), "PROTOCOL_ERROR"],
  ["PING of 7 octets", frame("PING", 0, 0, Buffer.alloc(7)), "FRAME_SIZE_ERROR"],
  ["GOAWAY on a stream", frame("GOAWAY", 0, 1, Buffer.alloc(8)), "PROTOCOL_ERROR"],
  ["GOAWAY of 7 octets", frame("GOAWAY", 0, 0, Buffer.alloc(7)), "FRAME_SIZE_ERROR"],
  ["RST_STREAM on stream 0", reset(0, "CANCEL"), "PROTOCOL_ERROR"],
  ["RST_STREAM on an idle stream", reset(5, "CANCEL"), "PROTOCOL_ERROR"],
  ["RST_STREAM on a stream we could open", reset(2, "CANCEL"), "PROTOCOL_ERROR"],
  ["RST_STREAM of 3 octets", frame("RST_STREAM", 0, 1, Buffer.alloc(3)), "FRAME_SIZE_ERROR"],
  ["WINDOW_UPDATE of 3 octets", frame("WINDOW_UPDATE", 0, 0, Buffer.alloc(3)), "FRAME_SIZE_ERROR"],
  ["WINDOW_UPDATE of 0 on the connection", windowUpdate(0, 0), "PROTOCOL_ERROR"],
  ["WINDOW_UPDATE on an idle stream", windowUpdate(5, 1), "PROTOCOL_ERROR"],
  ["WINDOW_UPDATE beyond 2^31-1", windowUpdate(0, 2 ** 31 - 65_535), "FLOW_CONTROL_ERROR"],
  ["PRIORITY on stream 0", priority(0, 1), "PROTOCOL_ERROR"],
  ["PRIORITY of 4 octets on an idle stream", frame("PRIORITY", 0, 7, Buffer.alloc(4)), "FRAME_SIZE_ERROR"],
  ["PRIORITY on itself on an idle stream", priority(7, 7), "PROTOCOL_ERROR"],
  ["PUSH_PROMISE", frame("PUSH_PROMISE", 4, 1, Buffer.alloc(4)), "PROTOCOL_ERROR"],
  ["CONTINUATION without HEADERS", frame("CONTINUATION", 4, 1, BLOCK), "PROTOCOL_ERROR"],
] as const) {
  test(`${what} is a connection error`, (t) => {
    const peer = scriptedClient(t);
    peer.receive(headers(1, BLOCK));
    peer.told();
    peer.receive(octets);
    assert.deepEqual(peer.told(), [`failed ${error}`]);
    assert.deepEqual(peer.said(), [`GOAWAY 1 ${error}`]);
  });
}

for (const [what, octets, error] of [
  ["WINDOW_UPDATE of 0", windowUpdate(1, 0), "PROTOCOL_ERROR"],
  ["WINDOW_UPDATE beyond 2^31-1", windowUpdate(1, 2 ** 31 - 65_535), "FLOW_CONTROL_ERROR"],
  ["PRIORITY of 4 octets", frame("PRIORITY", 0, 1, Buffer.alloc(4)), "FRAME_SIZE_ERROR"],
  ["PRIORITY on itself", priority(1, 1), "PROTOCOL_ERROR"],
] as const) {
  test(`${what} on an open stream is an error of that stream alone`, (t) => {
    const peer = scriptedClient(t);
    peer.receive(headers(1, BLOCK), headers(3, BLOCK));
    peer.told();
    peer.receive(octets, data(3, "on", { end: true }));
    assert.deepEqual(peer.told(), [`reset 1 ${error} peerError`, "closed 1", "data 3 2 end"]);
    assert.deepEqual(peer.said(), [`RST_STREAM 1 ${error}`]);
  });
}

test("PUSH_PROMISE from a server is a connection error", (t) => {
  const peer = scriptedServer(t);
  peer.open(REQUEST, true);
  peer.receive(frame("PUSH_PROMISE", 4, 1, Buffer.concat([Buffer.of(0, 0, 0, 2), BLOCK])));
  assert.deepEqual(peer.told(), ["failed PROTOCOL_ERROR"]);
});

test("PRIORITY is allowed on streams of every state and changes nothing", (t) => {
  const peer = scriptedClient(t);
  peer.receive(
    priority(1, 3),
    priority(9, 0),
    headers(1, BLOCK, { end: true, dependsOn: 9 }),
    priority(1, 0),
  );
  peer.headers(1, RESPONSE, true);
  peer.receive(priority(1, 5));
  assert.deepEqual(peer.told(), ["headers 1 request end", "closed 1"]);
});

test("a reset ends the stream with its code; a second one and window updates after it are ignored", (t) => {
  const peer = scriptedClient(t);
  peer.receive(
    headers(1, BLOCK),
    reset(1, "CANCEL"),
    reset(1, "NO_ERROR"),
    windowUpdate(1, 10),
    windowUpdate(1, 0),
  );
  assert.deepEqual(peer.told(), ["headers 1 request", "reset 1 CANCEL peer", "closed 1"]);
  assert.deepEqual(peer.said(), []);
});

test("codes we do not know are passed on", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK), frame("RST_STREAM", 0, 1, Buffer.of(0xff, 0, 0, 1)));
  assert.deepEqual(peer.told().slice(1), [`reset 1 ${0xff000001} peer`, "closed 1"]);
});

test("a server's GOAWAY ends the streams above its last id as unprocessed and lets the others finish", (t) => {
  const peer = scriptedServer(t);
  const ids = [1, 2, 3, 4].map(() => peer.open(REQUEST, true));
  assert.deepEqual(ids, [1, 3, 5, 7]);
  peer.receive(goaway(3));
  assert.deepEqual(peer.told().sort(), [
    "closed 5",
    "closed 7",
    "goaway 3 NO_ERROR",
    "reset 5 REFUSED_STREAM unprocessed",
    "reset 7 REFUSED_STREAM unprocessed",
  ]);
  assert.equal(peer.connection.capacity, 0);
  peer.receive(headers(3, literalBlock(RESPONSE)), data(3, "late", { end: true }));
  assert.deepEqual(peer.told(), ["headers 3 response", "data 3 4 end", "closed 3"]);
});

test("a second GOAWAY may lower the last id, down to none", (t) => {
  const peer = scriptedServer(t);
  peer.open(REQUEST, true);
  peer.open(REQUEST, true);
  peer.receive(goaway(2 ** 31 - 1), goaway(1));
  assert.deepEqual(peer.told(), [
    "goaway 2147483647 NO_ERROR",
    "reset 3 REFUSED_STREAM unprocessed",
    "closed 3",
    "goaway 1 NO_ERROR",
  ]);
  peer.receive(goaway(0, "ENHANCE_YOUR_CALM"));
  assert.deepEqual(peer.told().at(-1), "goaway 0 ENHANCE_YOUR_CALM");
});

test("streams may be ended by the sink while a GOAWAY ends others", (t) => {
  const peer = scriptedServer(t);
  for (let i = 0; i < 6; i++) peer.open(REQUEST, true);
  peer.sink.on.onReset = () => {
    for (const id of [3, 9])
      if (peer.sink.slots.has(id) && peer.connection.state.index.get(id)) peer.reset(id, 8);
  };
  peer.receive(goaway(5));
  assert.equal(peer.connection.state.activeStreams, 2);
});

test("a client's GOAWAY ends no stream it has opened", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK, { end: true }), goaway(0), headers(3, BLOCK, { end: true }));
  assert.deepEqual(peer.told(), ["headers 1 request end", "goaway 0 NO_ERROR", "headers 3 request end"]);
});

test("a drain takes streams until the final GOAWAY and ignores those after it, tables in step", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK, { end: true }));
  peer.connection.announceGoaway();
  peer.receive(headers(3, BLOCK, { end: true }));
  peer.connection.finalGoaway();
  const indexed = Buffer.concat([BLOCK, Buffer.from([0x40, 1, 0x78, 1, 0x79])]);
  peer.receive(headers(5, indexed), data(5, "not taken", { end: true }), headers(7, BLOCK, { end: true }));
  assert.deepEqual(peer.told(), ["headers 1 request end", "headers 3 request end"]);
  assert.deepEqual(peer.said(), ["GOAWAY 2147483647 NO_ERROR", "GOAWAY 3 NO_ERROR"]);
  peer.headers(1, RESPONSE, true);
  peer.headers(3, RESPONSE, true);
  assert.deepEqual(peer.said(), ["HEADERS 1 end", "HEADERS 3 end"]);
});

test("an error after the final GOAWAY does not raise its last id", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK));
  peer.connection.finalGoaway();
  peer.receive(headers(9, BLOCK), frame("PING", 0, 0, NOTHING));
  assert.deepEqual(peer.said(), ["GOAWAY 1 NO_ERROR", "GOAWAY 1 FRAME_SIZE_ERROR"]);
});

test("streams are refused above MAX_CONCURRENT_STREAMS, without a word to the sink", (t) => {
  const peer = scriptedClient(t, { limits: { maxConcurrentStreams: 2 } });
  peer.receive(headers(1, BLOCK), headers(3, BLOCK), headers(5, BLOCK), data(5, "for nobody", { end: true }));
  assert.deepEqual(peer.told(), ["headers 1 request", "headers 3 request"]);
  assert.deepEqual(peer.said(), ["RST_STREAM 5 REFUSED_STREAM"]);
  peer.receive(reset(1, "CANCEL"), headers(7, BLOCK));
  assert.deepEqual(peer.told(), ["reset 1 CANCEL peer", "closed 1", "headers 7 request"]);
});

test("streams are refused when the worker has no slot left", (t) => {
  const peer = scriptedClient(t, { maxStreams: 1 });
  peer.receive(headers(1, BLOCK), headers(3, BLOCK));
  assert.deepEqual(peer.said(), ["RST_STREAM 3 REFUSED_STREAM"]);
});

test("the last stream ids are used, and then there is no capacity", (t) => {
  const server = scriptedServer(t);
  server.connection.state.nextLocalId = 2 ** 31 - 3;
  assert.equal(server.open(REQUEST, true), 2 ** 31 - 3);
  assert.equal(server.connection.capacity, 0);
  assert.equal(server.said().at(-1), `HEADERS ${2 ** 31 - 3} end`);
  server.receive(headers(2 ** 31 - 3, literalBlock(RESPONSE), { end: true }));
  const client = scriptedClient(t);
  client.receive(headers(2 ** 31 - 1, BLOCK, { end: true }));
  client.headers(2 ** 31 - 1, RESPONSE, true);
  assert.deepEqual(client.said(), [`HEADERS ${2 ** 31 - 1} end`]);
  client.receive(headers(1, BLOCK));
  assert.equal(client.told().at(-1), "failed STREAM_CLOSED");
});

test("settings in the middle of anything are fine", (t) => {
  const peer = scriptedClient(t);
  peer.receive(
    headers(1, BLOCK),
    settings({ [Parameter.maxHeaderListSize]: 100 }),
    data(1, "", { end: true }),
  );
  assert.deepEqual(peer.told(), ["headers 1 request", "settings", "data 1 0 end"]);
});
