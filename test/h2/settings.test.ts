import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, headers, Parameter, SETTINGS_ACK, settings, windowUpdate } from "../support/frames.ts";
import { keyedBody } from "../support/keyed-body.ts";
import { literalBlock, REQUEST, RESPONSE, TRAILERS } from "../support/literal-block.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";

const OPEN = headers(1, literalBlock(REQUEST), { end: true });

test("SETTINGS are acknowledged once each, unknown parameters ignored", (t) => {
  const peer = scriptedClient(t);
  peer.receive(settings({ 153: 7 }), settings(), settings({ [Parameter.maxFrameSize]: 20_000 }));
  assert.deepEqual(peer.said(), ["SETTINGS ACK", "SETTINGS ACK", "SETTINGS ACK"]);
  assert.deepEqual(peer.told(), ["settings", "settings", "settings"]);
});

for (const [what, octets, error] of [
  ["on a stream", frame("SETTINGS", 0, 1, Buffer.alloc(0)), "PROTOCOL_ERROR"],
  ["with half an entry", frame("SETTINGS", 0, 0, Buffer.alloc(7)), "FRAME_SIZE_ERROR"],
  ["ACK with a payload", frame("SETTINGS", 1, 0, Buffer.alloc(6)), "FRAME_SIZE_ERROR"],
  ["with ENABLE_PUSH 2", settings({ [Parameter.enablePush]: 2 }), "PROTOCOL_ERROR"],
  ["with MAX_FRAME_SIZE 16,383", settings({ [Parameter.maxFrameSize]: 16_383 }), "PROTOCOL_ERROR"],
  ["with MAX_FRAME_SIZE 2^24", settings({ [Parameter.maxFrameSize]: 2 ** 24 }), "PROTOCOL_ERROR"],
  ["with a window of 2^31", settings({ [Parameter.initialWindowSize]: 2 ** 31 }), "FLOW_CONTROL_ERROR"],
] as const) {
  test(`SETTINGS ${what} is a connection error`, (t) => {
    const peer = scriptedClient(t);
    peer.receive(octets);
    assert.deepEqual(peer.told(), [`failed ${error}`]);
    assert.deepEqual(peer.said(), [`GOAWAY 0 ${error}`]);
  });
}

test("a server that enables push is a connection error, a client may say so", (t) => {
  const enabled = settings({ [Parameter.enablePush]: 1 });
  const server = scriptedServer(t);
  server.receive(enabled);
  assert.deepEqual(server.told(), ["failed PROTOCOL_ERROR"]);
  const client = scriptedClient(t);
  client.receive(enabled);
  assert.deepEqual(client.told(), ["settings"]);
});

test("a larger initial window opens streams that wait, in both roles", (t) => {
  for (const start of [scriptedClient, scriptedServer]) {
    const peer = start(t, { settings: { [Parameter.initialWindowSize]: 10 } });
    const id = 1;
    if (start === scriptedClient) {
      peer.receive(OPEN);
      peer.headers(id, RESPONSE);
    } else {
      peer.open(REQUEST);
    }
    assert.equal(peer.data(id, keyedBody(1, 100)), 10);
    peer.said();
    peer.receive(settings({ [Parameter.initialWindowSize]: 60 }));
    assert.deepEqual(peer.said(), ["SETTINGS ACK", `DATA ${id} 50`]);
    peer.receive(settings({ [Parameter.initialWindowSize]: 1000 }));
    assert.deepEqual(peer.said(), ["SETTINGS ACK", `DATA ${id} 40`]);
  }
});

test("a smaller initial window makes a stream's window negative, which has to be filled first", (t) => {
  const peer = scriptedClient(t);
  peer.receive(OPEN);
  peer.headers(1, RESPONSE);
  assert.equal(peer.data(1, Buffer.alloc(60_000)), 60_000);
  peer.receive(settings({ [Parameter.initialWindowSize]: 1000 }));
  assert.equal(peer.engine.streams.sendWindow[peer.slot(1)], 1000 - 60_000);
  assert.equal(peer.data(1, Buffer.alloc(500)), 0);
  peer.said();
  peer.receive(windowUpdate(1, 59_000));
  assert.deepEqual(peer.said(), []);
  peer.receive(windowUpdate(1, 1));
  assert.deepEqual(peer.said(), ["DATA 1 1"]);
  peer.receive(settings({ [Parameter.initialWindowSize]: 2000 }));
  assert.deepEqual(peer.said(), ["SETTINGS ACK", "DATA 1 499"]);
});

test("a window of zero lets headers, empty ends and trailers pass", (t) => {
  const peer = scriptedClient(t, { settings: { [Parameter.initialWindowSize]: 0 } });
  peer.receive(OPEN, headers(3, literalBlock(REQUEST), { end: true }));
  peer.headers(1, RESPONSE);
  peer.trailers(1, TRAILERS);
  peer.headers(3, RESPONSE);
  peer.data(3, "", true);
  assert.deepEqual(peer.said(), ["HEADERS 1", "HEADERS 1 end", "HEADERS 3", "DATA 3 0 end"]);
});

test("a negative window lets an empty end pass", (t) => {
  const peer = scriptedClient(t);
  peer.receive(OPEN);
  peer.headers(1, RESPONSE);
  peer.data(1, Buffer.alloc(100));
  peer.receive(settings({ [Parameter.initialWindowSize]: 0 }));
  peer.data(1, "", true);
  assert.equal(peer.said().at(-1), "DATA 1 0 end");
});

test("an initial window that lifts a stream's window above the limit is a connection error", (t) => {
  const peer = scriptedClient(t);
  peer.receive(
    OPEN,
    windowUpdate(1, 2 ** 31 - 1 - 65_535),
    settings({ [Parameter.initialWindowSize]: 65_536 }),
  );
  assert.equal(peer.told().at(-1), "failed FLOW_CONTROL_ERROR");
});

test("several parameters of one frame apply in order, and before the acknowledgement", (t) => {
  const peer = scriptedServer(t);
  const twice = Buffer.concat([
    settings({ [Parameter.initialWindowSize]: 5 }).subarray(9),
    settings({ [Parameter.initialWindowSize]: 7 }).subarray(9),
    settings({ [Parameter.maxConcurrentStreams]: 1 }).subarray(9),
  ]);
  peer.receive(frame("SETTINGS", 0, 0, twice));
  const id = peer.open(REQUEST);
  assert.equal(peer.data(id, "0123456789"), 7);
  assert.equal(peer.connection.capacity, 0);
});

test("MAX_CONCURRENT_STREAMS is capacity that comes back, and may fall below what is open", (t) => {
  const peer = scriptedServer(t, { settings: { [Parameter.maxConcurrentStreams]: 2 } });
  assert.equal(peer.connection.capacity, 2);
  const first = peer.open(REQUEST, true);
  peer.open(REQUEST, true);
  assert.equal(peer.connection.open(peer.engine.stage, 0, 0, true), 0);
  peer.receive(settings({ [Parameter.maxConcurrentStreams]: 1 }));
  assert.equal(peer.connection.capacity, 0);
  peer.receive(headers(first, literalBlock(RESPONSE), { end: true }));
  assert.equal(peer.connection.capacity, 0);
  peer.receive(settings({ [Parameter.maxConcurrentStreams]: 2 }));
  assert.equal(peer.connection.capacity, 1);
});

test("a changed HEADER_TABLE_SIZE is announced at the start of the next section and kept", (t) => {
  const peer = scriptedServer(t);
  peer.open(REQUEST, true);
  peer.receive(settings({ [Parameter.headerTableSize]: 0 }), settings({ [Parameter.headerTableSize]: 100 }));
  peer.open(REQUEST, true);
  peer.open(REQUEST, true);
  const sections = peer.frames().filter(({ type }) => type === "HEADERS");
  // Source: RFC 7541 §4.2: the lowest size in between first, then the last.
  assert.deepEqual([...sections[1]!.payload.subarray(0, 3)], [0x20, 0x3f, 100 - 31]);
  for (const { payload } of sections) assert.equal(peer.decode(payload)[":path"], REQUEST[":path"]);
});

test("acknowledgements that were not asked for change nothing", (t) => {
  const peer = scriptedClient(t);
  peer.receive(SETTINGS_ACK, SETTINGS_ACK);
  assert.deepEqual(peer.told(), []);
  assert.deepEqual(peer.said(), []);
});
