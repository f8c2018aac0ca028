import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import {
  continuation,
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
import { keyedBody } from "../support/keyed-body.ts";
import { indexingBlock, literalBlock, REQUEST, RESPONSE, TRAILERS } from "../support/literal-block.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";

const BLOCK = literalBlock(REQUEST);

/** What a client says when it says a bit of everything. */
const CLIENT_TALK = Buffer.concat([
  headers(1, BLOCK, { padding: 3, dependsOn: 7 }),
  data(1, keyedBody(1, 5000)),
  ping("1"),
  headers(3, BLOCK.subarray(0, 20), { more: true, end: true }),
  continuation(3, BLOCK.subarray(20, 21), { more: true }),
  continuation(3, BLOCK.subarray(21)),
  data(1, keyedBody(1, 300, 5000), { padding: 200 }),
  frame(0x55, 0xff, 9, Buffer.alloc(50)),
  priority(9, 1),
  settings({ [Parameter.initialWindowSize]: 70_000, [Parameter.headerTableSize]: 100 }),
  windowUpdate(0, 1000),
  windowUpdate(1, 1000),
  headers(5, Buffer.concat([BLOCK, indexingBlock("x-a", "1")])),
  data(5, "", { padding: 0 }),
  data(5, ""),
  reset(5, "CANCEL"),
  data(5, "late", { padding: 4 }),
  headers(7, Buffer.concat([BLOCK, Buffer.of(0x80 | 62)]), { end: true }),
  headers(9, literalBlock({ ...REQUEST, "bad name": "" })),
  data(1, "", { padding: 30 }),
  headers(1, literalBlock({ "x-end": "1" }), { end: true }),
  goaway(0),
  headers(11, BLOCK),
  data(11, keyedBody(11, 9000), { end: true }),
]);

const SERVER_TALK = Buffer.concat([
  headers(1, literalBlock({ ":status": "103" })),
  headers(1, literalBlock(RESPONSE)),
  data(1, keyedBody(1, 7000), { padding: 9 }),
  data(3, "without headers"),
  headers(5, literalBlock(RESPONSE)),
  data(1, "", { padding: 0 }),
  headers(1, literalBlock(TRAILERS), { end: true }),
  windowUpdate(5, 100),
  settings({ [Parameter.maxConcurrentStreams]: 1 }),
  reset(7, "REFUSED_STREAM"),
  data(5, "end", { end: true }),
  goaway(9),
]);

/** Plays a talk, and @returns all that was told and said. */
function play(t: TestContext, role: "client" | "server", how: (peer: ScriptedPeer) => void): unknown {
  const peer = role === "client" ? scriptedClient(t) : scriptedServer(t);
  if (role === "server") for (let i = 0; i < 6; i++) peer.open(REQUEST, true);
  how(peer);
  peer.receive(role === "client" ? CLIENT_TALK : SERVER_TALK);
  const bodies = [...peer.sink.bodies.keys()].map((id) => [id, peer.sink.body(id)]);
  return { told: peer.told(), said: peer.said(), bodies, fields: [...peer.sink.fields] };
}

for (const role of ["client", "server"] as const) {
  test(`cut at any octet, what a ${role} says means the same`, (t) => {
    const whole = play(t, role, () => {});
    for (const octets of [1, 2, 3, 7, 9, 10, 100, 1000]) {
      const parts = play(t, role, (peer) => {
        peer.stepOctets = octets;
      });
      assert.deepEqual(parts, whole, `in steps of ${octets}`);
    }
  });

  test(`stopped by its budget at any frame, what a ${role} says means the same`, (t) => {
    const whole = play(t, role, () => {});
    for (const budget of [1, 2, 3, 5]) {
      for (const octets of [65_536, 333, 1]) {
        const parts = play(t, role, (peer) => {
          peer.budget = budget;
          peer.stepOctets = octets;
        });
        assert.deepEqual(parts, whole, `budget ${budget}, in steps of ${octets}`);
      }
    }
  });

  test(`cut in two at every octet, what a ${role} says means the same`, (t) => {
    const talk = role === "client" ? CLIENT_TALK : SERVER_TALK;
    const whole = play(t, role, () => {}) as { told: string[] };
    const random = new SeededRandom(3);
    for (let cut = 1; cut < talk.length; cut += 1 + random.nextInt(role === "client" ? 400 : 100)) {
      const peer = role === "client" ? scriptedClient(t) : scriptedServer(t);
      if (role === "server") for (let i = 0; i < 6; i++) peer.open(REQUEST, true);
      peer.receive(talk.subarray(0, cut));
      peer.receive(talk.subarray(cut));
      assert.deepEqual(peer.told(), whole.told, `cut at ${cut}`);
      peer.close();
    }
  });
}

test("one unit of budget is a frame, or 4 KiB of DATA", (t) => {
  const peer = scriptedClient(t);
  const { slab, input } = peer.engine;
  const octets = Buffer.concat([headers(1, BLOCK), ping("1"), data(1, Buffer.alloc(16_384)), ping("2")]);
  octets.copy(slab.bytes, input);
  const first = headers(1, BLOCK).length;
  assert.equal(peer.connection.receive(input, octets.length, 1), first);
  assert.ok(peer.connection.stoppedByBudget);
  assert.equal(peer.connection.receive(input + first, octets.length - first, 2), 17 + 9);
  const rest = first + 17 + 9;
  assert.equal(peer.connection.receive(input + rest, octets.length - rest, 5), 16_384);
  assert.ok(peer.connection.stoppedByBudget);
  assert.equal(peer.connection.receive(input + rest + 16_384, 17, 5), 17);
  assert.ok(!peer.connection.stoppedByBudget);
});

test("half a frame at the end of the input is not a stop by the budget", (t) => {
  const peer = scriptedClient(t);
  const octets = ping("1");
  octets.copy(peer.engine.slab.bytes, peer.engine.input);
  assert.equal(peer.connection.receive(peer.engine.input, 16, 100), 0);
  assert.ok(!peer.connection.stoppedByBudget);
});

test("closing a connection ends its streams, once each, whatever state they are in", (t) => {
  const peer = scriptedClient(t, { settings: { [Parameter.initialWindowSize]: 0 } });
  peer.receive(headers(1, BLOCK), data(1, "half a body"));
  peer.receive(headers(3, BLOCK, { end: true }), headers(5, BLOCK), headers(7, BLOCK, { more: true }));
  peer.headers(3, RESPONSE);
  peer.data(3, keyedBody(3, 20_000));
  peer.trailers(3, TRAILERS);
  discardAll(peer);
  peer.close();
  assert.deepEqual(peer.told().sort(), [
    "closed 1",
    "closed 3",
    "closed 5",
    "reset 1 CANCEL connectionLost",
    "reset 3 CANCEL connectionLost",
    "reset 5 CANCEL connectionLost",
  ]);
});

test("a sink may close the connection from within any event", (t) => {
  for (const event of ["onHeaders", "onData", "onReset", "onSettings", "onGoaway", "onFailed"] as const) {
    const peer = scriptedClient(t);
    peer.sink.on[event] = () => peer.connection.close();
    peer.receive(CLIENT_TALK, frame("PING", 0, 0, Buffer.alloc(1)), CLIENT_TALK);
    peer.engine.assertBaseline();
    assert.ok(peer.connection.state.closed, event);
  }
});

test("a sink may reset the stream of any event", (t) => {
  for (const event of ["onHeaders", "onData"] as const) {
    const peer = scriptedClient(t);
    peer.sink.on[event] = (slot: number) => peer.reset(peer.engine.streams.id[slot]!, 8);
    peer.receive(CLIENT_TALK);
    assert.ok(!peer.connection.state.failed, event);
    assert.equal(peer.told().filter((line) => line === "closed 1").length, 1);
  }
});

test("a place among the connections is used again", (t) => {
  const first = scriptedClient(t);
  const { engine } = first;
  const second = scriptedClient(t, { engine });
  assert.deepEqual([first.connection.state.place, second.connection.state.place], [0, 1]);
  first.close();
  const third = scriptedClient(t, { engine });
  assert.equal(third.connection.state.place, 0);
  third.close();
  second.close();
});

function discardAll(peer: ScriptedPeer): void {
  peer.said();
  peer.told();
}

test("a connection that goes tells which streams the transport was never given", (t) => {
  const peer = scriptedServer(t);
  peer.receive(settings());
  peer.open(REQUEST, true);
  peer.open(REQUEST, true);
  peer.frames();
  peer.open(REQUEST, true);
  peer.open(REQUEST, true);
  peer.told();
  peer.connection.close();
  const ends = peer.told().filter((line) => line.startsWith("reset"));
  assert.deepEqual(ends.sort(), [
    "reset 1 CANCEL connectionLost",
    "reset 3 CANCEL connectionLost",
    "reset 5 CANCEL notSent",
    "reset 7 CANCEL notSent",
  ]);
});
