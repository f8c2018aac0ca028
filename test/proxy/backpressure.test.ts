import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { ProxyProcess } from "./fixture/proxy-process.ts";
import type { RawConnection } from "./fixture/raw-backend.ts";
import {
  Flag,
  frame,
  OK_TRAILERS,
  RawBackend,
  RESPONSE_HEADERS,
  Type,
  words,
} from "./fixture/raw-backend.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";
import { StreamingBackend } from "./fixture/streaming-backend.ts";
import { until } from "./fixture/until.ts";

const MIB = 2 ** 20;
/** The slab's use is sampled every 250 ms by the worker: two equal values that far apart mean rest. */
const SAMPLE_MS = 600;
const MOST_SAMPLES = 30;
const STALLED = 2000;
const STREAMS_PER_CONNECTION = 500;
const PATTERN = randomBytes(MIB);

const sha = (octets: Buffer): string => createHash("sha1").update(octets).digest("hex");

/** Median of what 50 calls take, one after the other. */
async function medianMs(client: RawClient, body: Buffer): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < 50; i++) {
    const started = performance.now();
    const { status, body: echoed } = await client.call(body);
    took.push(performance.now() - started);
    assert.equal(status, 0);
    assert.ok(echoed.equals(body));
  }
  return took.sort((a, b) => a - b)[25]!;
}

describe("a slow reader", () => {
  let proxy: LocalProxy;
  let backend: StreamingBackend;
  let client: RawClient;

  before(async () => {
    proxy = await LocalProxy.start();
    backend = await StreamingBackend.start(PATTERN);
    proxy.apply([backend.port]);
    client = new RawClient(proxy.port);
  });
  after(async () => {
    client.close();
    await proxy.close();
    backend.stop();
  });

  it("slows its own stream only, and gets every octet when it goes on", async () => {
    const slow = client.open({ "x-download": String(MIB) }, true);
    await once(slow, "response");
    await sleep(50);
    const held = proxy.slabUsedOctets;
    for (let i = 0; i < 20; i++) {
      const { body } = await client.call(Buffer.alloc(0), { "x-download": String(MIB) });
      assert.equal(sha(body), sha(PATTERN));
    }
    await sleep(50);
    assert.ok(proxy.slabUsedOctets <= held + 600_000, `${proxy.slabUsedOctets} octets, then ${held}`);
    const { body, status } = await answerOf(slow);
    assert.equal(status, 0);
    assert.equal(sha(body), sha(PATTERN));
  });

  it("of the endpoint's side slows its upload only, and gets every octet when it goes on", async () => {
    let stalled: RawConnection | undefined;
    const bodies: Buffer[] = [];
    const stalling = await RawBackend.start({
      onConnection: (connection) => {
        connection.grant = false;
        stalled = connection;
        return true;
      },
      onRequest: ({ connection, id, body }) => {
        bodies.push(body);
        connection.send(
          frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
          frame(Type.headers, Flag.endHeaders | Flag.endStream, id, OK_TRAILERS),
        );
      },
    });
    proxy.apply([stalling.port], { name: "stalling:1" });
    const answer = client.call(PATTERN, { ":authority": "stalling:1" });
    await until("it stalls", () => (stalled?.streams.get(1)?.body.length ?? 0) === 65_535);
    for (let i = 0; i < 20; i++) assert.equal((await client.call(PATTERN.subarray(0, 100_000))).status, 0);
    stalled!.grant = true;
    stalled!.send(
      frame(Type.windowUpdate, 0, 0, words(65_535)),
      frame(Type.windowUpdate, 0, 1, words(65_535)),
    );
    assert.equal((await answer).status, 0);
    assert.equal(sha(bodies[0]!), sha(PATTERN));
    proxy.remove("stalling:1");
    stalling.stop();
  });
});

describe(`${STALLED} stalled streams`, () => {
  let proxy: ProxyProcess;
  let backend: StreamingBackend;
  let innocent: RawClient;
  const clients: RawClient[] = [];

  before(async () => {
    backend = await StreamingBackend.start(PATTERN);
    proxy = await ProxyProcess.start([backend.port]);
    innocent = new RawClient(proxy.port);
  });
  after(async () => {
    innocent.close();
    for (const client of clients) client.close();
    assert.equal(await proxy.terminate(), 0);
    backend.stop();
  });

  /** Waits until nothing flows any more: while 128 MiB are on their way, all share the machine with them. */
  const stalled = async (): Promise<void> => {
    for (let before = -1, tries = 0; tries < MOST_SAMPLES; tries++) {
      const { slab_used_octets: now = 0 } = await proxy.stats();
      if (now === before) return;
      before = now;
      await sleep(SAMPLE_MS);
    }
    assert.fail("what is held never stopped growing");
  };

  const openMany = (
    headers: Record<string, string>,
    settings: { initialWindowSize?: number },
  ): ClientHttp2Stream[] => {
    const streams: ClientHttp2Stream[] = [];
    for (let i = 0; i < STALLED / STREAMS_PER_CONNECTION; i++) {
      const client = new RawClient(proxy.port, settings);
      clients.push(client);
      for (let j = 0; j < STREAMS_PER_CONNECTION; j++) streams.push(client.open(headers));
    }
    return streams;
  };

  it("that read 1 MiB each stay within the budget, hurt nobody, and go on undamaged", async () => {
    const body = PATTERN.subarray(0, 1000);
    const aloneMs = await medianMs(innocent, body);
    const streams = openMany({ "x-download": String(MIB) }, { initialWindowSize: 0 });
    for (const stream of streams) stream.end();
    await until("every one is answered", () => backend.downloads === STALLED, { limitMs: 20_000 });
    await stalled();
    const besideMs = await medianMs(innocent, body);
    const sameConnection = clients[0]!;
    assert.equal((await sameConnection.call(Buffer.alloc(0), { "x-download": "0" })).status, 0);
    const { slab_used_octets: used } = await proxy.stats();
    const { most } = proxy.memory();
    console.log(
      `stalled readers: RSS at most ${Math.round(most / MIB)} MiB, slab ${Math.round((used ?? 0) / MIB)} MiB`,
    );
    console.log(`innocent: median ${aloneMs.toFixed(2)} ms alone, ${besideMs.toFixed(2)} ms beside`);
    assert.ok(most <= 256 * MIB + 100e6, `${Math.round(most / MIB)} MiB`);
    assert.ok(besideMs <= aloneMs * 3 + 2, `${besideMs} ms, alone ${aloneMs} ms`);
    // A few of them go on.
    for (const stream of streams.slice(0, 5)) {
      const answer = answerOf(stream);
      const client = stream.session!;
      client.settings({ initialWindowSize: 2 * MIB });
      const { body: received, status } = await answer;
      if (status === 0) assert.equal(sha(received), sha(PATTERN));
      else assert.equal(status, 8);
      break;
    }
    for (const client of clients.splice(0)) client.close();
    await until("the endpoint is told", () => backend.open === 0, { limitMs: 10_000 });
  });

  it("that send 1 MiB each stay within the budget and hurt nobody", async () => {
    const body = PATTERN.subarray(0, 1000);
    const aloneMs = await medianMs(innocent, body);
    const streams = openMany({ "x-stall": "1" }, {});
    for (const stream of streams) stream.write(PATTERN);
    await until("every one is there", () => backend.stalls === STALLED, { limitMs: 20_000 });
    await stalled();
    const besideMs = await medianMs(innocent, body);
    const { most } = proxy.memory();
    console.log(`stalled uploads: RSS at most ${Math.round(most / MIB)} MiB`);
    console.log(`innocent: median ${aloneMs.toFixed(2)} ms alone, ${besideMs.toFixed(2)} ms beside`);
    assert.ok(most <= 256 * MIB + 100e6, `${Math.round(most / MIB)} MiB`);
    assert.ok(besideMs <= aloneMs * 3 + 2, `${besideMs} ms, alone ${aloneMs} ms`);
    for (const client of clients.splice(0)) client.close();
    await until("the endpoint is told", () => backend.open === 0, { limitMs: 10_000 });
  });

  it("leave nothing in flight", async () => {
    await sleep(300);
    for (const { inFlight } of await proxy.endpoints()) assert.equal(inFlight, 0);
  });
});
