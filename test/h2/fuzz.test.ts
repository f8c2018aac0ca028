import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { Role } from "../../src/h2/connection-state.ts";
import { FloodBudget } from "../../src/h2/flood-budget.ts";
import { NO_FLOOD } from "../../src/h2/flood-kind.ts";
import { CALLER_SHARE, FLOOD_LIMITS } from "../../src/h2/flood-limits.ts";
import { sendData, sendTrailers, writeHeaders } from "../../src/h2/send.ts";
import { StreamBit } from "../../src/h2/stream/stream-table.ts";
import {
  continuation,
  data,
  frame,
  goaway,
  headers,
  Parameter,
  PREFACE,
  ping,
  priority,
  reset,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { indexingBlock, literalBlock, REQUEST, RESPONSE, TRAILERS } from "../support/literal-block.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { TestEngine } from "../support/test-engine.ts";

const FRAMES_EACH_ROLE = 15_000;
/** Budgets that nearly every connection uses up. */
const STINGY = FLOOD_LIMITS.map(() => ({ burst: 2, perSecond: 60 }));
const FRAMES_PER_CONNECTION = 40;

const BLOCKS = [
  literalBlock(REQUEST),
  literalBlock(RESPONSE),
  literalBlock(TRAILERS),
  literalBlock({ ...REQUEST, "content-length": "10" }),
  literalBlock({ ":status": "100" }),
  literalBlock({ ":status": "103", link: "v".repeat(300) }),
  literalBlock({ ...REQUEST, "x-large": "v".repeat(3000) }),
  Buffer.concat([literalBlock(REQUEST), indexingBlock("x-key", "value")]),
  Buffer.concat([literalBlock(RESPONSE), Buffer.of(0x80 | 62)]),
  Buffer.of(0x82, 0x86, 0x84, 0x41, 1, 0x61),
  Buffer.of(0x88),
  Buffer.of(0x3f, 0xff, 0xff, 0xff, 0x7f),
  Buffer.alloc(0),
];
const VALUES = [0, 1, 100, 16_384, 65_535, 65_536, 10 ** 6, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

function pick<T>(random: SeededRandom, list: readonly T[]): T {
  return list[random.nextInt(list.length)]!;
}

/** A frame that may or may not be allowed where it stands; then, now and then, damaged. */
function randomFrame(random: SeededRandom): Buffer {
  const id = random.nextFloat() < 0.1 ? random.nextInt(20) : 2 * random.nextInt(8) + 1;
  const end = random.nextFloat() < 0.3;
  const padding = random.nextFloat() < 0.2 ? { padding: random.nextInt(256) } : {};
  const kind = random.nextInt(16);
  let made: Buffer;
  if (kind < 4) made = headers(id, pick(random, BLOCKS), { end, more: random.nextFloat() < 0.1, ...padding });
  else if (kind < 8)
    made = data(id, Buffer.alloc(random.nextInt(pick(random, [2, 300, 16_000]))), { end, ...padding });
  else if (kind === 8) made = windowUpdate(pick(random, [0, id]), pick(random, VALUES) % 2 ** 31);
  else if (kind === 9) made = settings({ [1 + random.nextInt(8)]: pick(random, VALUES) });
  else if (kind === 10) made = reset(id, "CANCEL");
  else if (kind === 11) made = ping(String(id), random.nextFloat() < 0.5);
  else if (kind === 12) made = priority(id, random.nextInt(20));
  else if (kind === 13) made = continuation(id, pick(random, BLOCKS), { more: random.nextFloat() < 0.5 });
  else if (kind === 14) made = goaway(random.nextInt(20));
  else made = frame(random.nextInt(256), random.nextInt(256), id, Buffer.alloc(random.nextInt(40), 9));
  if (random.nextFloat() < 0.06) {
    made = Buffer.from(made);
    const changes = 1 + random.nextInt(3);
    for (let i = 0; i < changes; i++) made[random.nextInt(made.length)] = random.nextInt(256);
  }
  return made;
}

/** A frame that fits the state of the connection, so that it lives long enough to be led astray. */
function fittingFrame(random: SeededRandom, peer: ScriptedPeer): Buffer {
  const { state } = peer.connection;
  const ids = [...peer.sink.slots.keys()];
  const id = ids.length > 0 ? pick(random, ids) : 0;
  const end = random.nextFloat() < 0.2;
  const padding = random.nextFloat() < 0.2 ? { padding: random.nextInt(256) } : {};
  const kind = random.nextInt(14);
  if (kind < 3 && state.role === Role.server) {
    return headers(state.highestPeerId + (state.highestPeerId % 2 ? 2 : 1), pick(random, BLOCKS), {
      end,
      ...padding,
    });
  }
  if (kind === 3) return settings({ [pick(random, [1, 3, 4, 6])]: random.nextInt(70_000) });
  if (kind === 4) return ping("fits");
  if (kind === 5) return windowUpdate(0, 1 + random.nextInt(100_000));
  if (id === 0) return priority(1, 0);
  if (kind < 9)
    return data(id, Buffer.alloc(random.nextInt(pick(random, [2, 300, 16_000]))), { end, ...padding });
  if (kind === 9) return windowUpdate(id, 1 + random.nextInt(50_000));
  if (kind === 10) return reset(id, "CANCEL");
  return headers(id, pick(random, BLOCKS), { end, ...padding });
}

/** A sink that answers as a proxy would: at random, whenever something happens. */
function answerAtRandom(peer: ScriptedPeer, random: SeededRandom): void {
  const { engine, connection } = peer;
  const { state } = connection;
  const { streams } = engine;
  const act = (slot: number): void => {
    const id = streams.id[slot]!;
    if (!state.index.get(id) || state.closed) return;
    const choice = random.nextInt(8);
    const open =
      (streams.bits[slot]! & (StreamBit.localClosed | StreamBit.endQueued | StreamBit.trailersQueued)) === 0;
    if (choice === 0) peer.reset(id, random.nextInt(12));
    else if (!open) return;
    else if (choice < 4)
      sendData(state, slot, engine.stage, random.nextInt(40_000), random.nextFloat() < 0.2);
    else if (choice === 4) sendTrailers(state, slot, engine.stage, 1, 0);
    else if (choice === 5 && state.role === Role.server) {
      writeHeaders(state, slot, engine.stage, 1, 0, random.nextFloat() < 0.2);
    }
  };
  peer.sink.on.onHeaders = act;
  peer.sink.on.onData = act;
  peer.sink.on.onDrained = act;
  peer.sink.on.onHeadersTooLarge = act;
  peer.sink.consumes = random.nextFloat() < 0.8;
}

for (const [role, floods, maxRequestBodyOctets] of [
  [Role.server, FLOOD_LIMITS, 0],
  [Role.client, FLOOD_LIMITS, 0],
  [Role.server, STINGY, 5000],
  [Role.client, STINGY, 0],
] as const) {
  const name = role === Role.server ? "client" : "server";
  const budgets = floods === STINGY ? " within small budgets" : "";
  test(`${FRAMES_EACH_ROLE} frames of a ${name} gone mad${budgets} throw nothing, and leave memory as it was`, () => {
    const engine = new TestEngine({
      limits: {
        maxConcurrentStreams: 6,
        maxHeaderListOctets: 2000,
        backlogOctets: 50_000,
        floods,
        maxRequestBodyOctets,
      },
    });
    let callerBudget = new FloodBudget(floods, CALLER_SHARE);
    const ends = new Map<string, number>();
    let survivors = 0;
    let frames = 0;
    for (let seed = 1; frames < FRAMES_EACH_ROLE; seed++) {
      const random = new SeededRandom(seed * 7 + role);
      if (seed % 8 === 0) callerBudget = new FloodBudget(floods, CALLER_SHARE);
      const peer = new ScriptedPeer(role, engine, callerBudget);
      let failures = 0;
      peer.sink.on.onFailed = (_, flood) => {
        failures++;
        const kind = flood === NO_FLOOD ? "none" : String(flood);
        ends.set(kind, (ends.get(kind) ?? 0) + 1);
      };
      // A static field block of one octet: `:status: 200`, fit for every section of ours here.
      engine.slab.bytes[engine.stage] = 0x80 | 8;
      answerAtRandom(peer, random);
      peer.port.keeps = () => random.nextFloat() < 0.3;
      peer.stepOctets = pick(random, [65_536, 500, 13]);
      peer.budget = pick(random, [Number.MAX_SAFE_INTEGER, 1, 3]);
      peer.receive(
        role === Role.server ? PREFACE : Buffer.alloc(0),
        settings({ [Parameter.initialWindowSize]: 20_000 }),
      );
      const madness = pick(random, [0, 0.02, 0.1, 1]);
      try {
        for (let i = 0; i < FRAMES_PER_CONNECTION && !peer.connection.state.failed; i++) {
          if (role === Role.client && random.nextFloat() < 0.4 && peer.connection.capacity > 0) {
            peer.open(REQUEST, random.nextFloat() < 0.5);
            engine.slab.bytes[engine.stage] = 0x80 | 8;
          }
          frames++;
          engine.time.nowMs += random.nextInt(20);
          peer.receive(random.nextFloat() < madness ? randomFrame(random) : fittingFrame(random, peer));
          if (random.nextFloat() < 0.3) peer.output.flush();
          if (random.nextFloat() < 0.3) {
            peer.port.release();
            peer.connection.writable();
          }
        }
        if (!peer.connection.state.failed) {
          survivors++;
          peer.drain();
          peer.frames();
        }
        assert.equal(failures, peer.connection.state.failed ? 1 : 0, "told once of the end");
        peer.close();
        engine.assertBaseline();
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
    if (floods === STINGY) assert.ok(ends.size > 3, `floods were ${[...ends.keys()]}`);
    assert.ok(survivors > (floods === STINGY ? 5 : 50), `only ${survivors} connections lived to the end`);
  });
}

test("octets without any sense throw nothing, after the preface and SETTINGS too", () => {
  const engine = new TestEngine();
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const peer = new ScriptedPeer(seed % 2 ? Role.server : Role.client, engine);
    if (seed % 2) peer.receive(PREFACE);
    if (seed % 3) peer.receive(settings());
    const noise = Buffer.from(Array.from({ length: 2000 }, () => random.nextInt(256)));
    // Small lengths, so that some frames are whole.
    for (let at = 0; at < noise.length; at += 20) noise.fill(0, at, at + 2);
    peer.receive(noise);
    peer.close();
    engine.assertBaseline();
  }
});
