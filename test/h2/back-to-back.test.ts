import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { Role } from "../../src/h2/connection-state.ts";
import { consume } from "../../src/h2/receive-data.ts";
import { StreamBit } from "../../src/h2/stream/stream-table.ts";
import { settings } from "../support/frames.ts";
import { firstForeignOctet, keyedBody } from "../support/keyed-body.ts";
import { REQUEST, RESPONSE } from "../support/literal-block.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { TestEngine } from "../support/test-engine.ts";
import { Wire } from "../support/wire.ts";

const SEEDS = 60;
const STREAMS = 30;
const LONGEST_BODY = 60_000;

/** One end's half of a stream: a body sent in parts, then its end. */
interface Half {
  readonly key: number;
  readonly octets: number;
  sent: number;
  ended: boolean;
}

function makeHalf(key: number, random: SeededRandom): Half {
  const octets = random.nextFloat() < 0.2 ? 0 : random.nextInt([10, 2000, LONGEST_BODY][random.nextInt(3)]!);
  return { key, octets, sent: 0, ended: false };
}

/** Sends a next part of a half. */
function advance(peer: ScriptedPeer, id: number, half: Half, random: SeededRandom): void {
  const part = Math.min(half.octets - half.sent, random.nextInt(20_000));
  const last = half.sent + part === half.octets;
  const withTrailers = last && random.nextFloat() < 0.5;
  if (part > 0 || (last && !withTrailers)) {
    const body = keyedBody(half.key, part, half.sent);
    half.sent += part;
    half.ended = last && !withTrailers;
    peer.data(id, body, half.ended);
  }
  if (withTrailers) {
    half.ended = true;
    peer.trailers(id, { "x-key": String(half.key) });
  }
}

/** A random session of both ends. @returns how many streams both ended without a reset. */
function session(seed: number): number {
  const random = new SeededRandom(seed);
  const engine = new TestEngine({
    limits: {
      backlogOctets: 1 + random.nextInt(60_000),
      connectionWindowOctets: 65_535 + random.nextInt(200_000),
      maxStreamWindowOctets: 65_535 * (1 + random.nextInt(8)),
      maxConcurrentStreams: 1 + random.nextInt(20),
    },
  });
  const client = new ScriptedPeer(Role.client, engine);
  const server = new ScriptedPeer(Role.server, engine);
  const wire = new Wire(client, server, random);
  const requests = new Map<number, Half>();
  const responses = new Map<number, Half>();
  const resets = new Set<number>();
  const owed: { peer: ScriptedPeer; id: number; octets: number }[] = [];
  for (const peer of [client, server]) {
    peer.sink.consumes = false;
    peer.sink.on.onData = (slot, _, octets) => owed.push({ peer, id: engine.streams.id[slot]!, octets });
    peer.sink.on.onReset = (slot) => resets.add(engine.streams.id[slot]!);
  }
  let opened = 0;
  let idle = 0;
  for (let step = 0; idle < 60; step++) {
    assert.ok(step < 60_000, "the session does not come to an end");
    const busy = wire.step();
    // Readers take what they got now and then.
    if (owed.length > 0 && random.nextFloat() < 0.5) {
      const { peer, id, octets } = owed.splice(random.nextInt(owed.length), 1)[0]!;
      const slot = peer.connection.state.index.get(id);
      if (slot !== 0) consume(peer.connection.state, slot, octets, random.nextFloat() < 0.7);
    }
    if (
      opened < STREAMS &&
      client.connection.capacity > 0 &&
      client.sink.slots.size < 20 &&
      random.nextFloat() < 0.3
    ) {
      const half = makeHalf(1000 * seed + opened++, random);
      half.ended = half.octets === 0 && random.nextFloat() < 0.5;
      requests.set(client.open({ ...REQUEST, "x-key": String(half.key) }, half.ended), half);
    }
    for (const [peer, halves] of [
      [client, requests],
      [server, responses],
    ] as const) {
      const ids = [...peer.sink.slots.keys()];
      if (ids.length === 0 || random.nextFloat() < 0.4) continue;
      const id = ids[random.nextInt(ids.length)]!;
      if (random.nextFloat() < 0.004) {
        resets.add(id);
        peer.reset(id, 8);
        continue;
      }
      let half = halves.get(id);
      if (half === undefined) {
        half = makeHalf(500_000_000 + 1000 * seed + id, random);
        halves.set(id, half);
        peer.headers(id, RESPONSE);
      } else if (!half.ended) {
        // An answer before the request's end makes a server reset the rest: the client then has its answer.
        const asked = (engine.streams.bits[peer.slot(id)]! & StreamBit.remoteClosed) !== 0;
        const early = peer === server && half.octets - half.sent < 20_000 && !asked;
        if (early && random.nextFloat() < 0.9) continue;
        if (early) resets.add(id);
        advance(peer, id, half, random);
      }
    }
    idle = busy || owed.length > 0 || opened < STREAMS || client.sink.slots.size > 0 ? 0 : idle + 1;
  }
  assert.ok(!client.connection.state.failed && !server.connection.state.failed, "a connection failed");
  let whole = 0;
  for (const [id, half] of requests) {
    const got = server.sink.body(id);
    assert.equal(firstForeignOctet(half.key, got), -1, `request ${id}`);
    const response = responses.get(id);
    const answer = client.sink.body(id);
    if (response) assert.equal(firstForeignOctet(response.key, answer), -1, `response ${id}`);
    if (resets.has(id)) continue;
    assert.equal(got.length, half.octets, `request ${id}`);
    assert.equal(answer.length, response!.octets, `response ${id}`);
    whole++;
  }
  client.close();
  server.close();
  engine.assertBaseline();
  return whole;
}

test("random sessions between our two roles lose, mix up and keep nothing", () => {
  let whole = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      whole += session(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
  assert.ok(whole > SEEDS * STREAMS * 0.6, `only ${whole} streams were whole`);
});

test("a self-test: memory used after it was freed is found by the keyed bodies", () => {
  const engine = new TestEngine();
  const client = new ScriptedPeer(Role.client, engine);
  client.receive(settings());
  const id = client.open(REQUEST);
  client.data(id, keyedBody(1, 65_535));
  client.data(id, keyedBody(1, 1000, 65_535));
  const { queue, sendWindow } = engine.streams;
  const slot = client.slot(id);
  const block = queue.head[slot]!;
  const start = queue.start(block);
  engine.slab.free(block);
  assert.notEqual(firstForeignOctet(1, engine.slab.bytes.subarray(start, start + 1000), 65_535), -1);
  assert.equal(sendWindow[slot], 0);
});
