import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { FloodBudget } from "../../src/h2/flood-budget.ts";
import { FloodKind } from "../../src/h2/flood-kind.ts";
import { CALLER_SHARE, FLOOD_LIMITS } from "../../src/h2/flood-limits.ts";
import {
  continuation,
  data,
  frame,
  goaway,
  headers,
  ping,
  priority,
  reset,
  SETTINGS_ACK,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { literalBlock, REQUEST, RESPONSE } from "../support/literal-block.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { scriptedClient, scriptedServer } from "../support/scripted-peer.ts";
import { TestEngine } from "../support/test-engine.ts";

const BLOCK = literalBlock(REQUEST);
const NOTHING = Buffer.alloc(0);
const LIMIT_S = 60;

/** What is sent again and again; `round` counts from 0. */
type Attack = (peer: ScriptedPeer, round: number) => void;

/** Runs an attack at a rate. @returns after how many seconds the connection was ended; {@link LIMIT_S} if it was not. */
function endure(peer: ScriptedPeer, perSecond: number, attack: Attack, limitS = LIMIT_S): number {
  const { time } = peer.engine;
  const start = time.nowMs;
  for (let round = 0; round < perSecond * limitS; round++) {
    time.nowMs = start + (round * 1000) / perSecond;
    attack(peer, round);
    if (peer.connection.state.failed) return (time.nowMs - start) / 1000;
    if (round % 50 === 0) {
      peer.output.flush();
      peer.port.take();
      peer.told();
    }
  }
  return limitS;
}

function assertEnded(peer: ScriptedPeer, kind: string): void {
  assert.equal(peer.told().at(-1), `failed ENHANCE_YOUR_CALM ${kind}`);
  const goodbye = peer.frames().at(-1)!;
  assert.match(goodbye.text, /^GOAWAY \d+ ENHANCE_YOUR_CALM$/);
  assert.match(goodbye.payload.subarray(8).toString(), /^too many /);
}

const idOf = (round: number): number => 2 * round + 1;
const open = (id: number): Buffer => headers(id, BLOCK, { end: true });

function answer(peer: ScriptedPeer, id: number, octets = 0): void {
  if (peer.connection.state.failed) return;
  peer.headers(id, RESPONSE);
  peer.data(id, Buffer.alloc(octets), true);
}

describe("a client that floods is ended with ENHANCE_YOUR_CALM", () => {
  const attacks: Readonly<Record<string, readonly [kind: string, withinS: number, attack: Attack]>> = {
    "rapid reset": ["reset", 1.2, (peer, i) => peer.receive(open(idOf(i)), reset(idOf(i), "CANCEL"))],
    "rapid reset among requests that are served": [
      "reset",
      2.5,
      (peer, i) => {
        const id = idOf(2 * i);
        peer.receive(open(id), reset(id, "CANCEL"));
        if (i % 2 > 0) return;
        peer.receive(open(id + 2));
        answer(peer, id + 2);
      },
    ],
    "made you reset, by a window update of 0": [
      "provokedReset",
      0.2,
      (peer, i) => peer.receive(headers(idOf(i), BLOCK), windowUpdate(idOf(i), 0)),
    ],
    "made you reset, by more body than was announced": [
      "provokedReset",
      0.2,
      (peer, i) => {
        const block = literalBlock({ ...REQUEST, "content-length": "1" });
        peer.receive(headers(idOf(i), block), data(idOf(i), "xx"));
      },
    ],
    "made you reset, by a dependency on itself": [
      "provokedReset",
      0.2,
      (peer, i) => peer.receive(headers(idOf(i), BLOCK), priority(idOf(i), idOf(i))),
    ],
    "DATA on streams that are over": [
      "provokedReset",
      0.2,
      (peer, i) => {
        peer.receive(open(idOf(i)));
        answer(peer, idOf(i));
        peer.receive(data(idOf(i), "x"));
      },
    ],
    "forbidden fields": [
      "provokedReset",
      0.2,
      (peer, i) => peer.receive(headers(idOf(i), literalBlock({ ...REQUEST, connection: "close" }))),
    ],
    PING: ["ping", 0.3, (peer) => peer.receive(ping("flood"))],
    "PING ACK": ["emptyFrame", 0.6, (peer) => peer.receive(ping("flood", true))],
    SETTINGS: ["settings", 0.15, (peer) => peer.receive(settings({ 3: 100 }))],
    "empty SETTINGS": ["settings", 0.15, (peer) => peer.receive(settings())],
    "SETTINGS ACK": ["emptyFrame", 0.6, (peer) => peer.receive(SETTINGS_ACK)],
    "empty DATA": [
      "emptyFrame",
      0.6,
      (peer, i) => peer.receive(i === 0 ? headers(1, BLOCK) : data(1, NOTHING)),
    ],
    "DATA of padding only": [
      "emptyFrame",
      0.6,
      (peer, i) => peer.receive(i === 0 ? headers(1, BLOCK) : data(1, NOTHING, { padding: 20 })),
    ],
    PRIORITY: ["emptyFrame", 0.6, (peer) => peer.receive(priority(1, 0))],
    "unknown frames": ["emptyFrame", 0.6, (peer) => peer.receive(frame(0x42, 0, 0, NOTHING))],
    GOAWAY: ["emptyFrame", 0.6, (peer) => peer.receive(goaway(0))],
    "RST_STREAM of streams that are over": [
      "emptyFrame",
      0.6,
      (peer, i) => peer.receive(...(i === 0 ? [open(1)] : []), reset(1, "CANCEL")),
    ],
    "short CONTINUATION": [
      "continuation",
      0.1,
      (peer, i) => {
        peer.receive(headers(idOf(i), BLOCK.subarray(0, 100), { more: true, end: true }));
        for (let at = 100; at < BLOCK.length; at += 2) {
          peer.receive(continuation(idOf(i), BLOCK.subarray(at, at + 2), { more: at + 2 < BLOCK.length }));
        }
        answer(peer, idOf(i));
      },
    ],
    "sections above the limit": [
      "continuation",
      0.3,
      (peer, i) => {
        const block = Buffer.concat([BLOCK, Buffer.alloc(4000, 0x90)]);
        peer.receive(headers(idOf(i), block, { end: true }));
        answer(peer, idOf(i));
      },
    ],
    "window updates of the connection": ["windowUpdate", 1.2, (peer) => peer.receive(windowUpdate(0, 1))],
    "large window updates": [
      "windowUpdate",
      1.2,
      (peer, i) => peer.receive(i === 0 ? headers(1, BLOCK) : windowUpdate(1, 2000)),
    ],
  };
  for (const [name, [kind, withinS, attack]] of Object.entries(attacks)) {
    it(name, (t) => {
      const peer = scriptedClient(t, { limits: { maxHeaderListOctets: 10_000 } });
      const lastedS = endure(peer, 10_000, attack, 5);
      assert.ok(lastedS > 0.01 && lastedS < withinS, `after ${lastedS} s`);
      assertEnded(peer, kind);
    });
  }
});

describe("a server that floods is ended with ENHANCE_YOUR_CALM", () => {
  const attacks: Readonly<Record<string, readonly [kind: string, attack: Attack]>> = {
    PING: ["ping", (peer) => peer.receive(ping("flood"))],
    SETTINGS: ["settings", (peer) => peer.receive(settings({ 4: 70_000 }))],
    "empty DATA": ["emptyFrame", (peer) => peer.receive(data(1, NOTHING))],
    GOAWAY: ["emptyFrame", (peer) => peer.receive(goaway(2 ** 31 - 1))],
    "unknown frames": ["emptyFrame", (peer) => peer.receive(frame(0x42, 0, 0, NOTHING))],
    "window updates": ["windowUpdate", (peer) => peer.receive(windowUpdate(1, 1))],
    "informational responses without end": [
      "continuation",
      (peer) => peer.receive(headers(3, literalBlock({ ":status": "103" }))),
    ],
    "large informational responses": [
      "continuation",
      (peer) => {
        const link = "v".repeat(8000);
        peer.receive(headers(3, literalBlock({ ":status": "103", link })));
      },
    ],
  };
  for (const [name, [kind, attack]] of Object.entries(attacks)) {
    it(name, (t) => {
      const peer = scriptedServer(t);
      for (const id of [peer.open(REQUEST), peer.open(REQUEST)]) assert.ok(id > 0);
      peer.receive(headers(1, literalBlock(RESPONSE)));
      const lastedS = endure(peer, 10_000, attack, 5);
      assert.ok(lastedS > 0.01 && lastedS < 1.2, `after ${lastedS} s`);
      assertEnded(peer, kind);
    });
  }

  it("but not one that refuses whatever we open", (t) => {
    const peer = scriptedServer(t);
    const lasted = endure(peer, 10_000, () => peer.receive(reset(peer.open(REQUEST), "REFUSED_STREAM")), 2);
    assert.equal(lasted, 2);
  });
});

describe("a client that means well is never ended", () => {
  function assertLasts(t: TestContext, perSecond: number, limitS: number, attack: Attack): ScriptedPeer {
    const peer = scriptedClient(t);
    assert.equal(endure(peer, perSecond, attack, limitS), limitS);
    return peer;
  }

  it("when it cancels 5,000 streams in a burst, twice", (t) => {
    const peer = scriptedClient(t);
    for (let i = 0; i < 5000; i++) peer.receive(open(idOf(i)), reset(idOf(i), "CANCEL"));
    peer.engine.time.nowMs += 5000;
    for (let i = 5000; i < 10_000; i++) peer.receive(open(idOf(i)), reset(idOf(i), "CANCEL"));
    assert.equal(peer.connection.state.failed, false);
  });

  it("when its deadline of 20 ms cuts off 5,000 calls a second, for as long as it likes", (t) => {
    assertLasts(t, 5000, 6, (peer, i) => {
      peer.receive(open(idOf(i)));
      if (i >= 100) peer.receive(reset(idOf(i - 100), "CANCEL"));
    });
  });

  it("when it hedges every one of 10,000 calls a second and cancels the slower", (t) => {
    assertLasts(t, 10_000, 3, (peer, i) => {
      const id = idOf(2 * i);
      peer.receive(open(id), open(id + 2));
      answer(peer, id);
      peer.receive(reset(id + 2, "CANCEL"));
    });
  });

  it("when it measures its bandwidth by a PING, and opens its windows, for each small answer", (t) => {
    assertLasts(t, 20_000, 1, (peer, i) => {
      peer.receive(open(idOf(i)));
      answer(peer, idOf(i), 100);
      peer.receive(ping("bdp"), windowUpdate(0, 100));
    });
  });

  it("when it sends many small messages, and answers each of ours with two window updates", (t) => {
    assertLasts(t, 20_000, 1, (peer, i) => {
      if (i === 0) {
        peer.receive(headers(1, BLOCK));
        peer.headers(1, RESPONSE);
      }
      peer.receive(data(1, "12345"));
      peer.data(1, "12345");
      peer.receive(windowUpdate(0, 5), windowUpdate(1, 5));
    });
  });

  it("when it sends a PRIORITY with each of 1,000 requests a second", (t) => {
    assertLasts(t, 1000, 10, (peer, i) => {
      peer.receive(priority(idOf(i), 0), open(idOf(i)));
      answer(peer, idOf(i));
    });
  });

  it("when it opens thousands of streams before it knows how many it may", (t) => {
    const peer = scriptedClient(t);
    for (let i = 0; i < 8000; i++) peer.receive(open(idOf(i)));
    assert.equal(peer.connection.state.failed, false);
    assert.equal(peer.sink.slots.size, 1024);
  });

  it("when every request has 30 KiB of headers, in frames as large as they may be", (t) => {
    const large = literalBlock({ ...REQUEST, "x-large": "v".repeat(30_000) });
    assertLasts(t, 2000, 3, (peer, i) => {
      peer.receive(
        headers(idOf(i), large.subarray(0, 16_384), { more: true, end: true }),
        continuation(idOf(i), large.subarray(16_384)),
      );
      answer(peer, idOf(i));
    });
  });
});

describe("a caller", () => {
  it("that comes back with a new connection finds what it has left", (t) => {
    const engine = new TestEngine();
    const budget = new FloodBudget(FLOOD_LIMITS, CALLER_SHARE);
    let resets = 0;
    let connections = 0;
    for (; resets < 100_000 && connections < 100; connections++) {
      const peer = scriptedClient(t, { engine, callerBudget: budget });
      for (let i = 0; !peer.connection.state.failed; i++, resets++) {
        peer.receive(open(idOf(i)), reset(idOf(i), "CANCEL"));
      }
      const debug = peer.frames().at(-1)!.payload.subarray(8).toString();
      assert.equal(debug, `too many RST_STREAM${connections < 2 ? "" : " from this caller"}`);
      peer.close();
    }
    const { burst } = FLOOD_LIMITS[FloodKind.reset]!;
    assert.ok(
      resets <= burst * CALLER_SHARE + connections,
      `${resets} resets over ${connections} connections`,
    );
    assert.ok(budget.usedShare(engine.time.nowMs) > 0.99);
    engine.assertBaseline();
  });

  it("gets back what its streams that end well are worth, over all its connections", (t) => {
    const budget = new FloodBudget(FLOOD_LIMITS, CALLER_SHARE);
    const peer = scriptedClient(t, { callerBudget: budget });
    for (let i = 0; i < 1000; i++) peer.receive(open(idOf(i)), reset(idOf(i), "CANCEL"));
    const used = budget.usedShare(peer.engine.time.nowMs);
    assert.ok(used > 0);
    for (let i = 1000; i < 2000; i++) {
      peer.receive(open(idOf(i)));
      answer(peer, idOf(i));
    }
    assert.ok(budget.usedShare(peer.engine.time.nowMs) < used / 100);
  });
});
