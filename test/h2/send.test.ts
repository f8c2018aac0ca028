import assert from "node:assert/strict";
import { test } from "node:test";
import { data, headers, Parameter, reset, settings, windowUpdate } from "../support/frames.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { literalBlock, REQUEST, RESPONSE, TRAILERS } from "../support/literal-block.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";
import { TestEngine } from "../support/test-engine.ts";

const BLOCK = literalBlock(REQUEST);

/** Opens streams with a request that has ended, and starts their responses. */
function answering(peer: ScriptedPeer, ...ids: number[]): void {
  for (const id of ids) {
    peer.receive(headers(id, BLOCK, { end: true }));
    peer.headers(id, RESPONSE);
  }
  peer.said();
  peer.told();
}

/** The bodies in frames, by stream. */
function bodies(peer: ScriptedPeer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (const { type, id, payload } of peer.frames()) {
    if (type === "DATA") found.set(id, Buffer.concat([found.get(id) ?? Buffer.alloc(0), payload]));
  }
  return found;
}

test("a body goes out in frames of 16 KiB, the last of which ends", (t) => {
  const peer = scriptedClient(t);
  answering(peer, 1);
  assert.equal(peer.data(1, keyedBody(1, 40_000), true), 40_000);
  assert.deepEqual(peer.said(), ["DATA 1 16384", "DATA 1 16384", "DATA 1 7232 end"]);
  assert.deepEqual(peer.told(), ["closed 1"]);
});

test("a body waits for the stream's window, then for the connection's, in order", (t) => {
  const peer = scriptedClient(t);
  answering(peer, 1);
  const body = keyedBody(1, 200_000);
  assert.equal(peer.data(1, body, true), 65_535);
  let sent = bodies(peer).get(1)!;
  peer.receive(windowUpdate(1, 100_000));
  assert.deepEqual(peer.said(), []);
  peer.receive(windowUpdate(0, 50_000));
  sent = Buffer.concat([sent, bodies(peer).get(1)!]);
  peer.receive(windowUpdate(0, 1_000_000), windowUpdate(1, 100_000));
  sent = Buffer.concat([sent, bodies(peer).get(1)!]);
  assert.equal(sent.length, 200_000);
  assert.equal(firstForeignOctet(1, sent), -1);
  const drained = peer.told().filter((line) => line.startsWith("drained"));
  assert.equal(
    drained.map((line) => Number(line.split(" ")[2])).reduce((a, b) => a + b),
    200_000 - 65_535,
  );
});

test("trailers wait for what is queued before them, their block copied", (t) => {
  const peer = scriptedClient(t, { settings: { [Parameter.initialWindowSize]: 10 } });
  answering(peer, 1);
  peer.data(1, keyedBody(1, 30));
  assert.ok(peer.trailers(1, TRAILERS));
  peer.engine.slab.bytes.fill(0, peer.engine.stage, peer.engine.stage + 1000);
  peer.receive(windowUpdate(1, 15));
  assert.deepEqual(peer.said(), ["DATA 1 10", "DATA 1 15"]);
  peer.receive(windowUpdate(1, 100));
  const last = peer.frames();
  assert.deepEqual(
    last.map(({ text }) => text),
    ["DATA 1 5", "HEADERS 1 end"],
  );
  assert.deepEqual(peer.told().at(-1), "closed 1");
});

test("an end that is queued goes out with the last octets", (t) => {
  const peer = scriptedClient(t, { settings: { [Parameter.initialWindowSize]: 10 } });
  answering(peer, 1);
  peer.data(1, keyedBody(1, 15));
  peer.data(1, "", true);
  peer.receive(windowUpdate(1, 5));
  assert.deepEqual(peer.said(), ["DATA 1 10", "DATA 1 5 end"]);
});

test("streams that wait for the connection's window take turns", (t) => {
  const peer = scriptedClient(t);
  const ids = [1, 3, 5, 7];
  answering(peer, ...ids);
  peer.receive(...ids.map((id) => windowUpdate(id, 10 ** 6)));
  for (const id of ids) peer.data(id, keyedBody(id, 200_000));
  bodies(peer);
  peer.receive(windowUpdate(0, 4 * 16_384 * 3));
  const sent = bodies(peer);
  for (const id of ids) assert.ok(sent.get(id)!.length >= 16_384, `stream ${id} got nothing`);
});

test("a stream without a window of its own does not stand in the way of others", (t) => {
  const peer = scriptedClient(t);
  answering(peer, 1, 3);
  peer.data(1, keyedBody(1, 100_000));
  peer.receive(windowUpdate(0, 1_000_000));
  assert.equal(peer.data(3, keyedBody(3, 60_000)), 60_000);
  peer.receive(windowUpdate(1, 1_000_000));
  assert.equal(bodies(peer).get(1)!.length, 100_000);
});

test("a reset, from either side, drops what is queued, trailers too", (t) => {
  for (const ending of ["peer", "ours"]) {
    const peer = scriptedClient(t, { settings: { [Parameter.initialWindowSize]: 0 } });
    answering(peer, 1);
    peer.data(1, keyedBody(1, 50_000));
    peer.trailers(1, TRAILERS);
    const used = peer.engine.slab.usedOctets;
    if (ending === "peer") peer.receive(reset(1, "CANCEL"));
    else peer.reset(1, 2);
    assert.ok(peer.engine.slab.usedOctets < used - 30_000);
    peer.receive(settings({ [Parameter.initialWindowSize]: 60_000 }));
    assert.deepEqual(peer.said().at(-1), "SETTINGS ACK");
  }
});

test("a transport that does not keep up holds back DATA, but not control frames and headers", (t) => {
  const peer = scriptedClient(t, { limits: { backlogOctets: 20_000 } });
  answering(peer, 1, 3);
  peer.port.keeps = () => true;
  assert.equal(peer.data(1, keyedBody(1, 30_000)), 30_000);
  assert.deepEqual(peer.said(), []);
  assert.equal(peer.output.backlogOctets, 30_018);
  assert.equal(peer.data(3, keyedBody(3, 100)), 0);
  peer.connection.ping(1);
  peer.reset(1, 8);
  peer.output.flush();
  peer.port.keeps = () => false;
  peer.drain();
  assert.deepEqual(peer.said(), [
    "DATA 1 16384",
    "DATA 1 13616",
    "PING",
    "RST_STREAM 1 CANCEL",
    "DATA 3 100",
  ]);
  assert.equal(peer.output.backlogOctets, 0);
});

test("octets that the port keeps are not touched, whatever is written after them", (t) => {
  const peer = scriptedClient(t);
  answering(peer, 1);
  peer.receive(windowUpdate(1, 10 ** 6), windowUpdate(0, 10 ** 6));
  let turn = 0;
  peer.port.keeps = () => turn++ % 3 !== 0;
  const body = keyedBody(9, 300_000);
  let sent = Buffer.alloc(0);
  for (let at = 0; at < body.length; at += 7000) {
    peer.data(1, body.subarray(at, at + 7000));
    peer.output.flush();
    if (at % 3 === 0) {
      peer.port.release();
      peer.connection.writable();
    }
    sent = Buffer.concat([sent, bodies(peer).get(1) ?? Buffer.alloc(0)]);
  }
  peer.drain();
  sent = Buffer.concat([sent, bodies(peer).get(1) ?? Buffer.alloc(0)]);
  assert.equal(sent.length, body.length);
  assert.equal(firstForeignOctet(9, sent), -1);
});

test("a stream whose queue finds no room in the budget is given up, and no other", (t) => {
  const peer = scriptedClient(t, {
    softCapacityOctets: 1_200_000,
    settings: { [Parameter.initialWindowSize]: 0 },
  });
  answering(peer, 1, 3);
  peer.data(3, keyedBody(3, 1000));
  let given = 0;
  peer.sink.on.onReset = () => given++;
  for (let i = 0; given === 0 && i < 100; i++) {
    if (peer.data(1, keyedBody(1, 50_000)) < 0) break;
  }
  assert.deepEqual(peer.told(), ["reset 1 ENHANCE_YOUR_CALM overBudget", "closed 1"]);
  assert.deepEqual(peer.said(), ["RST_STREAM 1 ENHANCE_YOUR_CALM"]);
  peer.receive(windowUpdate(3, 1000));
  assert.equal(firstForeignOctet(3, bodies(peer).get(3)!), -1);
});

test("the owner is asked for relief first, and may end the very stream that asks", (t) => {
  const peer = scriptedClient(t, {
    softCapacityOctets: 1_000_000,
    settings: { [Parameter.initialWindowSize]: 0 },
  });
  answering(peer, 1, 3);
  let asked = 0;
  peer.engine.relieve = () => {
    asked++;
    peer.reset(asked === 1 ? 3 : 1, 11);
  };
  peer.data(3, keyedBody(3, 100_000));
  while (asked === 0) assert.equal(peer.data(1, keyedBody(1, 10_000)), 0);
  while (asked === 1) peer.data(1, keyedBody(1, 10_000));
  assert.deepEqual(peer.told(), ["closed 3", "closed 1"]);
});

test("a connection whose frames find no memory at all fails, and gives everything back", (t) => {
  const engine = new TestEngine({ capacityOctets: 2 ** 20 });
  const peer = scriptedClient(t, { engine });
  answering(peer, 1);
  const taken: number[] = [];
  for (let block = engine.slab.alloc(512); block !== 0; block = engine.slab.alloc(512)) taken.push(block);
  peer.connection.ping(1);
  assert.deepEqual(peer.told(), ["failed ENHANCE_YOUR_CALM"]);
  for (const block of taken) engine.slab.free(block);
  peer.close();
  engine.assertBaseline();
});

test("slots given from within onDrained to the same id of another connection are told apart", (t) => {
  const engine = new TestEngine();
  const first = scriptedServer(t, { engine, settings: { [Parameter.initialWindowSize]: 0 } });
  const second = scriptedServer(t, { engine });
  const id = first.open(REQUEST);
  first.data(id, "waiting", true);
  const slot = first.slot(id);
  first.sink.on.onDrained = () => {
    first.reset(id, 8);
    assert.equal(second.open(REQUEST), id);
    assert.equal(second.slot(id), slot);
  };
  first.receive(windowUpdate(1, 100));
  assert.equal(second.data(id, "still open"), 10);
  second.receive(headers(id, literalBlock(RESPONSE)), data(id, "yes"));
  assert.deepEqual(second.told(), [`headers ${id} response`, `data ${id} 3`]);
});

test("an answer that is complete before the request asks the client to stop, without an error", (t) => {
  const peer = scriptedClient(t);
  peer.receive(headers(1, BLOCK), data(1, "so far"));
  peer.headers(1, { ":status": "200", "grpc-status": "12" }, true);
  assert.deepEqual(peer.said(), ["HEADERS 1 end", "RST_STREAM 1 NO_ERROR"]);
  peer.receive(data(1, "on its way"), data(1, "", { end: true }));
  assert.deepEqual(peer.said(), []);
  assert.deepEqual(peer.told().at(-1), "closed 1");
});

test("a server's answer before the request's end leaves the client's side open until it is reset", (t) => {
  const peer = scriptedServer(t);
  const id = peer.open(REQUEST);
  peer.receive(headers(id, literalBlock({ ...RESPONSE, "grpc-status": "12" }), { end: true }));
  peer.data(id, "still sending");
  peer.receive(reset(id, "NO_ERROR"));
  assert.deepEqual(peer.told(), [`headers ${id} response end`, `reset ${id} NO_ERROR peer`, `closed ${id}`]);
});
