import assert from "node:assert/strict";
import { test } from "node:test";
import {
  data,
  frame,
  headers,
  Parameter,
  PREFACE,
  ping,
  readFrames,
  SETTINGS_ACK,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { literalBlock, REQUEST } from "../support/literal-block.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";

test("a server starts with SETTINGS and the connection's window", (t) => {
  const peer = scriptedClient(t, { settings: false });
  const [first, second, ...rest] = peer.frames();
  assert.deepEqual(entries(first!.payload), {
    [Parameter.maxConcurrentStreams]: 1024,
    [Parameter.maxHeaderListSize]: 32_768,
  });
  assert.equal(second!.text, `WINDOW_UPDATE 0 ${2 ** 20 - 65_535}`);
  assert.equal(rest.length, 0);
});

test("a client starts with the preface, SETTINGS without push, and the connection's window", (t) => {
  const peer = scriptedServer(t, { settings: false });
  const [first, second] = peer.frames();
  assert.deepEqual(entries(first!.payload), {
    [Parameter.enablePush]: 0,
    [Parameter.maxHeaderListSize]: 32_768,
  });
  assert.equal(second!.text, `WINDOW_UPDATE 0 ${2 ** 20 - 65_535}`);
});

test("a connection window no larger than the protocol's is not announced", (t) => {
  const peer = scriptedClient(t, { settings: false, limits: { connectionWindowOctets: 65_535 } });
  assert.deepEqual(peer.said(), ["SETTINGS"]);
});

test("the preface is taken in any pieces", (t) => {
  const peer = scriptedClient(t, { settings: false });
  peer.stepOctets = 1;
  peer.receive(PREFACE, settings());
  assert.deepEqual(peer.told(), ["settings"]);
});

test("what is not the preface ends the connection at its first octet that differs", (t) => {
  const peer = scriptedClient(t, { settings: false });
  peer.receive(Buffer.from("PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"));
  assert.deepEqual(peer.told(), ["failed PROTOCOL_ERROR"]);
  assert.equal(peer.said().at(-1), "GOAWAY 0 PROTOCOL_ERROR");
  peer.receive(PREFACE, settings());
  assert.deepEqual(peer.told(), []);
});

for (const [what, octets] of [
  ["HEADERS", headers(1, literalBlock(REQUEST))],
  ["PING", ping("1")],
  ["an unknown frame", frame(0x42, 0, 0, Buffer.alloc(3))],
  ["SETTINGS ACK", SETTINGS_ACK],
] as const) {
  test(`${what} before SETTINGS is a connection error in both roles`, (t) => {
    const client = scriptedClient(t, { settings: false });
    client.receive(PREFACE, octets);
    assert.deepEqual(client.told(), ["failed PROTOCOL_ERROR"]);
    const server = scriptedServer(t, { settings: false });
    server.receive(octets);
    assert.deepEqual(server.told(), ["failed PROTOCOL_ERROR"]);
  });
}

test("frames of unknown types are ignored, on connection and streams, but not inside a header section", (t) => {
  const peer = scriptedClient(t);
  const unknown = (id: number) => frame(0xbe, 0xff, id, Buffer.alloc(100, 7));
  peer.receive(unknown(0), unknown(1), unknown(2), headers(1, literalBlock(REQUEST)), unknown(1));
  peer.receive(data(1, "body", { end: true }));
  assert.deepEqual(peer.told(), ["headers 1 request", "data 1 4 end"]);
  peer.receive(headers(3, literalBlock(REQUEST), { more: true }), unknown(3));
  assert.deepEqual(peer.told(), ["failed PROTOCOL_ERROR"]);
});

test("flags that mean nothing for a frame's type are ignored", (t) => {
  const peer = scriptedClient(t);
  const { payload } = readFrames(ping("abcdefgh"))[0]!;
  peer.receive(
    frame("PING", 0xfe, 0, payload),
    frame("WINDOW_UPDATE", 0xff, 0, windowUpdate(0, 5).subarray(9)),
  );
  assert.deepEqual(peer.said(), ["PING ACK abcdefgh"]);
});

test("the reserved bit of stream ids is ignored", (t) => {
  const peer = scriptedClient(t);
  const request = headers(1, literalBlock(REQUEST), { end: true });
  request[5]! |= 0x80;
  peer.receive(request);
  assert.deepEqual(peer.told(), ["headers 1 request end"]);
});

test("a frame above MAX_FRAME_SIZE ends the connection before its payload has arrived", (t) => {
  for (const type of ["DATA", "HEADERS", "PING", 0x77] as const) {
    const peer = scriptedClient(t);
    peer.receive(frame(type, 0, 1, Buffer.alloc(16_385)).subarray(0, 9));
    assert.deepEqual(peer.told(), ["failed FRAME_SIZE_ERROR"]);
  }
});

test("a connection that failed takes and ignores whatever follows", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, literalBlock(REQUEST)), headers(2, literalBlock(REQUEST)), data(1, "x"));
  assert.deepEqual(peer.told(), ["headers 1 request", "failed PROTOCOL_ERROR"]);
  assert.deepEqual(peer.said(), ["GOAWAY 1 PROTOCOL_ERROR"]);
  peer.receive(data(1, "y"));
  assert.deepEqual(peer.told(), []);
});

function entries(payload: Buffer): Record<number, number> {
  const found: Record<number, number> = {};
  for (let at = 0; at < payload.length; at += 6)
    found[payload.readUInt16BE(at)] = payload.readUInt32BE(at + 2);
  return found;
}
