import assert from "node:assert/strict";
import { test } from "node:test";
import {
  continuation,
  data,
  frame,
  headers,
  Parameter,
  ping,
  readFrames,
  settings,
} from "../support/frames.ts";
import { indexingBlock, literalBlock, REQUEST, RESPONSE, TRAILERS } from "../support/literal-block.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";

const BLOCK = literalBlock(REQUEST);
const NOTHING = Buffer.alloc(0);

test("a request is told with its fields, a body and trailers follow", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK), data(1, "body"), headers(1, literalBlock({ "x-sum": "1" }), { end: true }));
  assert.deepEqual(peer.told(), ["headers 1 request", "data 1 4", "headers 1 trailers end"]);
  assert.deepEqual(peer.sink.fields.get(1), { "x-sum": "1" });
});

test("responses may be preceded by any number of informational ones", (t) => {
  const peer = scriptedServer(t);
  peer.open(REQUEST, true);
  peer.receive(
    headers(1, literalBlock({ ":status": "100" })),
    headers(1, literalBlock({ ":status": "103", link: "</a>" })),
    headers(1, literalBlock(RESPONSE)),
    headers(1, literalBlock(TRAILERS), { end: true }),
  );
  assert.deepEqual(peer.told(), [
    "headers 1 response",
    "headers 1 response",
    "headers 1 response",
    "headers 1 trailers end",
    "closed 1",
  ]);
});

for (const [what, ...frames] of [
  [
    "an informational response that ends the stream",
    headers(1, literalBlock({ ":status": "100" }), { end: true }),
  ],
  ["DATA before the final response", headers(1, literalBlock({ ":status": "100" })), data(1, "early")],
  ["DATA before any response", data(1, "early", { end: true })],
  ["a response without :status", headers(1, literalBlock({ "content-type": "x" }))],
  ["a response with a request's fields", headers(1, literalBlock({ ":status": "200", ":path": "/" }))],
  ["trailers that do not end", headers(1, literalBlock(RESPONSE)), headers(1, literalBlock(TRAILERS))],
  [
    "trailers with :status",
    headers(1, literalBlock(RESPONSE)),
    headers(1, literalBlock(RESPONSE), { end: true }),
  ],
  ["connection: close", headers(1, literalBlock({ ...RESPONSE, connection: "close" }))],
  ["an upper-case name", headers(1, literalBlock({ ...RESPONSE, "X-Upper": "1" }))],
] as const) {
  test(`from a server, ${what} is an error of that stream alone`, (t) => {
    const peer = scriptedServer(t);
    peer.open(REQUEST);
    peer.open(REQUEST, true);
    peer.said();
    peer.receive(...frames, headers(3, literalBlock(RESPONSE), { end: true }));
    assert.deepEqual(peer.told().slice(-4), [
      "reset 1 PROTOCOL_ERROR peerError",
      "closed 1",
      "headers 3 response end",
      "closed 3",
    ]);
    assert.deepEqual(peer.said(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
  });
}

for (const [what, fields] of [
  ["no :path", { ":method": "POST", ":scheme": "http" }],
  ["two methods", [[":method", "POST"], ...Object.entries(REQUEST)]],
  ["a pseudo-header field behind others", [...Object.entries(REQUEST), [":authority", "other"]]],
  ["an unknown pseudo-header field", { ...REQUEST, ":protocol": "websocket" }],
  ["te: gzip", { ...REQUEST, te: "gzip" }],
  ["a value with a line feed", { ...REQUEST, "x-a": "a\nb" }],
] as const) {
  test(`a request with ${what} is an error of that stream alone, and never told as a request`, (t) => {
    const peer = scriptedClient(t);
    peer.receive(headers(1, literalBlock(fields as never)), headers(3, BLOCK, { end: true }));
    assert.deepEqual(peer.told(), ["reset 1 PROTOCOL_ERROR peerError", "closed 1", "headers 3 request end"]);
    assert.deepEqual(peer.said(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
  });
}

for (const [what, octets, error] of [
  ["on stream 0", headers(0, BLOCK), "PROTOCOL_ERROR"],
  ["on an even stream", headers(2, BLOCK), "PROTOCOL_ERROR"],
  ["on a lower, never used stream", Buffer.concat([headers(5, BLOCK), headers(3, BLOCK)]), "STREAM_CLOSED"],
  ["with padding beyond the frame", frame("HEADERS", 0xc, 1, Buffer.of(9, 0, 0)), "PROTOCOL_ERROR"],
  ["padded without a pad length", frame("HEADERS", 0xc, 1, NOTHING), "FRAME_SIZE_ERROR"],
  ["with half a priority", frame("HEADERS", 0x24, 1, Buffer.of(0, 0)), "PROTOCOL_ERROR"],
  ["that depend on themselves", headers(1, BLOCK, { dependsOn: 1 }), "PROTOCOL_ERROR"],
  ["that do not decode", headers(1, Buffer.of(0x80)), "COMPRESSION_ERROR"],
  ["that end within a field", headers(1, BLOCK.subarray(0, BLOCK.length - 1)), "COMPRESSION_ERROR"],
] as const) {
  test(`HEADERS ${what} are a connection error`, (t) => {
    const peer = scriptedClient(t);
    peer.receive(octets);
    assert.equal(peer.told().at(-1), `failed ${error}`);
  });
}

test("padding and priority of HEADERS are taken off", (t) => {
  const peer = scriptedClient(t);
  peer.receive(
    headers(1, BLOCK, { padding: 255, dependsOn: 3 }),
    headers(3, BLOCK, { padding: 0, end: true }),
  );
  assert.deepEqual(peer.told(), ["headers 1 request", "headers 3 request end"]);
  assert.deepEqual(peer.sink.fields.get(1), REQUEST);
});

test("a section may be split anywhere over CONTINUATION, into empty parts too", (t) => {
  const peer = scriptedClient(t, { maxStreams: 4000 });
  let id = 1;
  for (let cut = 0; cut <= BLOCK.length; cut++, id += 2) {
    peer.receive(headers(id, BLOCK.subarray(0, cut), { more: true, end: true }));
    peer.receive(continuation(id, NOTHING, { more: true }), continuation(id, BLOCK.subarray(cut)));
    assert.deepEqual(peer.sink.fields.get(id), REQUEST);
  }
  peer.receive(headers(id, BLOCK.subarray(0, 1), { more: true, padding: 7 }));
  for (let at = 1; at < 40; at++) peer.receive(continuation(id, BLOCK.subarray(at, at + 1), { more: true }));
  peer.receive(continuation(id, BLOCK.subarray(40)));
  assert.deepEqual(peer.sink.fields.get(id), REQUEST);
});

for (const [what, octets] of [
  ["DATA of the same stream", data(1, "x")],
  ["PING", ping("x")],
  ["SETTINGS", settings()],
  ["CONTINUATION of another stream", continuation(3, BLOCK)],
  ["HEADERS of the same stream", headers(1, BLOCK)],
] as const) {
  test(`${what} inside a header section is a connection error`, (t) => {
    const peer = scriptedClient(t);
    peer.receive(headers(1, BLOCK.subarray(0, 5), { more: true }), octets);
    assert.deepEqual(peer.told(), ["failed PROTOCOL_ERROR"]);
  });
}

test("endless CONTINUATION ends the connection, empty or not, and holds no memory", (t) => {
  for (const part of [NOTHING, Buffer.alloc(16_000, 1)]) {
    const peer = scriptedClient(t);
    peer.receive(headers(1, BLOCK, { more: true }));
    for (let i = 0; i < 70; i++) peer.receive(continuation(1, part, { more: true }));
    assert.deepEqual(peer.told(), ["failed ENHANCE_YOUR_CALM continuation"]);
  }
});

test("a request above the header list limit can be answered, and its body is dropped", (t) => {
  const peer = scriptedClient(t, { limits: { maxHeaderListOctets: 1000 } });
  const large = literalBlock({ ...REQUEST, "x-large": "a".repeat(1000) });
  peer.receive(headers(1, large), data(1, "dropped"), headers(3, BLOCK, { end: true }));
  assert.deepEqual(peer.told(), ["too large 1", "headers 3 request end"]);
  peer.headers(1, { ":status": "200", "grpc-status": "8" }, true);
  assert.deepEqual(peer.said(), ["HEADERS 1 end", "RST_STREAM 1 NO_ERROR"]);
  peer.receive(headers(5, large, { end: true }));
  assert.deepEqual(peer.told(), ["closed 1", "too large 5 end"]);
});

test("what was indexed in a refused section is in the table of the next", (t) => {
  const peer = scriptedClient(t, { limits: { maxHeaderListOctets: 1000 } });
  const indexing = Buffer.concat([
    literalBlock({ ...REQUEST, "x-large": "a".repeat(1000) }),
    indexingBlock("x-a", "kept"),
  ]);
  peer.receive(headers(1, indexing), headers(3, Buffer.concat([BLOCK, Buffer.of(0x80 | 62)]), { end: true }));
  assert.equal(peer.sink.fields.get(3)!["x-a"], "kept");
});

test("what was indexed in sections for streams that are over is in the table of the next", (t) => {
  const peer = scriptedServer(t);
  for (let i = 0; i < 3; i++) peer.open(REQUEST, true);
  peer.reset(1, 8);
  const response = Buffer.concat([literalBlock(RESPONSE), indexingBlock("x-a", "kept")]);
  peer.receive(
    headers(1, response),
    headers(3, Buffer.concat([literalBlock(RESPONSE), Buffer.of(0x80 | 62)])),
  );
  assert.equal(peer.sink.fields.get(3)!["x-a"], "kept");
});

test("a response above the header list limit ends its stream alone", (t) => {
  const peer = scriptedServer(t, { limits: { maxHeaderListOctets: 1000 } });
  peer.open(REQUEST, true);
  peer.open(REQUEST, true);
  peer.said();
  peer.receive(headers(1, literalBlock({ ...RESPONSE, "x-large": "a".repeat(1000) })));
  peer.receive(headers(3, literalBlock(RESPONSE), { end: true }));
  assert.deepEqual(peer.said(), ["RST_STREAM 1 CANCEL"]);
  assert.deepEqual(peer.told(), [
    "reset 1 CANCEL peerError",
    "closed 1",
    "headers 3 response end",
    "closed 3",
  ]);
});

test("HEADERS on a half-closed stream are an error of the stream", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK, { end: true }), headers(1, literalBlock({ a: "b" }), { end: true }));
  assert.deepEqual(peer.said(), ["RST_STREAM 1 STREAM_CLOSED"]);
});

test("HEADERS on a stream that both sides have ended are a connection error", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK, { end: true }));
  peer.headers(1, RESPONSE, true);
  peer.receive(headers(1, BLOCK));
  assert.equal(peer.told().at(-1), "failed STREAM_CLOSED");
});

test("trailers of streams that we have reset, hundreds at once, are no fault of the client", (t) => {
  const peer = scriptedClient(t);
  const ids = Array.from({ length: 500 }, (_, n) => 2 * n + 1);
  peer.receive(...ids.map((id) => headers(id, BLOCK)));
  for (const id of ids) peer.headers(id, RESPONSE, true);
  peer.said();
  peer.receive(...ids.map((id) => headers(id, literalBlock({ a: "b" }), { end: true })));
  assert.ok(!peer.connection.state.failed);
  assert.deepEqual(peer.said(), []);
});

test("what servers still send for streams that a client has cancelled is not answered with resets", (t) => {
  const peer = scriptedServer(t, { settings: { [Parameter.maxConcurrentStreams]: 500 } });
  const ids = Array.from({ length: 300 }, () => peer.open(REQUEST, true));
  for (const id of ids) peer.reset(id, 8);
  peer.said();
  for (const id of ids) {
    peer.receive(
      headers(id, literalBlock(RESPONSE)),
      data(id, "late"),
      headers(id, literalBlock(TRAILERS), { end: true }),
    );
  }
  assert.deepEqual(peer.said(), []);
  assert.ok(!peer.connection.state.failed);
});

test("HEADERS on streams that a client has not opened are a connection error", (t) => {
  for (const id of [2, 5]) {
    const peer = scriptedServer(t);
    peer.open(REQUEST, true);
    peer.receive(headers(id, literalBlock(RESPONSE)));
    assert.deepEqual(peer.told().slice(0, 1), ["failed PROTOCOL_ERROR"]);
  }
});

test("sections of ours above the frame size go out in CONTINUATION frames that decode", (t) => {
  const peer = scriptedServer(t);
  // Octets that Huffman coding does not shorten.
  const large = (octets: number) => Array.from({ length: octets }, (_, i) => "~|{}^"[i % 5]).join("");
  for (const octets of [16_000, 16_384, 32_760, 49_000, 100_000]) {
    const fields = { ...REQUEST, "x-1": large(octets), "x-2": "end" };
    const id = peer.open(fields, true);
    const frames = peer.frames();
    const section = frames.filter((each) => each.id === id);
    assert.ok(section.every(({ payload }) => payload.length <= 16_384));
    assert.equal(section[0]!.text.replace(" more", ""), `HEADERS ${id} end`);
    assert.deepEqual(
      section.map(({ flags }) => (flags & 4) !== 0),
      section.map((_, i) => i === section.length - 1),
    );
    assert.deepEqual(peer.decode(Buffer.concat(section.map(({ payload }) => payload))), fields);
  }
  assert.equal(readFrames(NOTHING).length, 0);
});
