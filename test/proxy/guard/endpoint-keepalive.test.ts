import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { DisconnectReason } from "../../../src/telemetry/disconnect-reason.ts";
import { GuardCell } from "../../../src/telemetry/guard-cell.ts";
import { ResponseFlag } from "../../../src/telemetry/response-flag.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import type { RawConnection } from "../fixture/raw-backend.ts";
import {
  Flag,
  frame,
  OK_TRAILERS,
  RawBackend,
  RESPONSE_HEADERS,
  Type,
  words,
} from "../fixture/raw-backend.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const KEEPALIVE = { keepaliveTimeMs: 1000, keepaliveTimeoutMs: 1000 };
/** Silence, the answer that does not come, and two sweeps. */
const DETECTED_MS = 1000 + 1000 + 2 * 1250;

/** An endpoint that stops as a process by SIGSTOP: its kernel takes connections and octets, and it reads none. */
class Stoppable {
  stopped = false;
  requests = 0;
  readonly backend: RawBackend;

  private constructor(backend: RawBackend) {
    this.backend = backend;
  }

  static async start(): Promise<Stoppable> {
    let self: Stoppable | undefined;
    const backend = await RawBackend.start({
      onConnection: (connection) => {
        if (self?.stopped) connection.socket.pause();
        return !self?.stopped;
      },
      onHeaders: () => {
        self!.requests++;
      },
      onRequest: ({ connection, id }) => connection.answer(id),
    });
    self = new Stoppable(backend);
    return self;
  }

  stop(): void {
    this.stopped = true;
    for (const { socket } of this.backend.connections) socket.pause();
  }
}

describe("an endpoint that does not answer", () => {
  let endpoints: [Stoppable, Stoppable];
  let proxy: LocalProxy;
  let client: RawClient;

  beforeEach(async () => {
    endpoints = [await Stoppable.start(), await Stoppable.start()];
    proxy = await LocalProxy.start();
    proxy.apply(
      endpoints.map(({ backend }) => backend.port),
      {
        ...KEEPALIVE,
        settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
        connectTimeoutMs: 500,
      },
    );
    client = new RawClient(proxy.port);
  });

  async function finish(): Promise<void> {
    client.close();
    for (const { backend } of endpoints) backend.stop();
    await proxy.close();
  }

  it("is found within its time and timeout; its calls fail as UNAVAILABLE, others go on elsewhere", async () => {
    await client.call();
    await client.call();
    const [stuck, healthy] = endpoints;
    stuck.stop();
    const began = performance.now();
    const calls = await Promise.all([client.call(), client.call()]);
    const tookMs = performance.now() - began;
    assert.deepEqual(calls.map(({ status }) => status).sort(), [0, 14]);
    assert.match(calls.find(({ status }) => status === 14)!.message, /connection lost/);
    assert.ok(tookMs >= 2000 && tookMs <= DETECTED_MS, `${tookMs} ms`);
    assert.equal(proxy.finished(14, ResponseFlag.upstreamConnectionTermination), 1);
    assert.equal(proxy.guarded(GuardCell.upstreamTimeouts), 1);
    const timedOut = ClusterColumn.upstreamDisconnects + DisconnectReason.connectionTimedOut;
    await until("counted as timed out", () => proxy.row()[timedOut] === 1);
    // It is avoided from now on: dialled again after a while, found silent again, and left.
    const before = healthy.requests;
    for (let i = 0; i < 20; i++) assert.equal((await client.call()).status, 0);
    assert.equal(healthy.requests - before, 20);
    await finish();
  });

  it("is asked once, and not again for minutes, when it answers but has nothing to say", async () => {
    const [busy] = endpoints;
    proxy.apply([busy.backend.port], KEEPALIVE);
    const stream = client.open();
    await until("at the endpoint", () => busy.requests === 1);
    await until("asked", () => proxy.guarded(GuardCell.upstreamPings) === 1);
    await sleep(5000);
    assert.equal(proxy.guarded(GuardCell.upstreamPings), 1);
    assert.equal(proxy.guarded(GuardCell.upstreamTimeouts), 0);
    const answer = answerOf(stream);
    stream.end();
    assert.equal((await answer).status, 0);
    await finish();
  });

  it("is not asked while it has no stream", async () => {
    await client.call();
    await client.call();
    await sleep(4000);
    assert.equal(proxy.guarded(GuardCell.upstreamPings), 0);
    // Whether it is still there is found with the first stream, not before.
    for (const endpoint of endpoints) endpoint.stop();
    assert.equal((await client.call()).status, 14);
    assert.equal(proxy.guarded(GuardCell.upstreamTimeouts), 1);
    await finish();
  });
});

describe("an endpoint's late frames", () => {
  let backend: RawBackend;
  let proxy: LocalProxy;
  let client: RawClient;
  let resets: { connection: RawConnection; id: number }[];

  before(async () => {
    resets = [];
    backend = await RawBackend.start({
      onRequest: ({ connection, id, body }) => {
        if (body.length === 0) connection.answer(id);
      },
      onReset: ({ connection, id }) => resets.push({ connection, id }),
    });
    proxy = await LocalProxy.start();
    proxy.apply([backend.port]);
    client = new RawClient(proxy.port);
  });
  after(async () => {
    client.close();
    await proxy.close();
    backend.stop();
  });

  it("for streams we have reset are ignored, in full, and the connection goes on", async () => {
    const streams = Array.from({ length: 20 }, () => client.open());
    for (const stream of streams) stream.write("x");
    await until("all at the endpoint", () => backend.connections[0]?.streams.size === 20);
    for (const stream of streams) stream.close(8);
    await until("all reset", () => resets.length === 20);
    for (const { connection, id } of resets) {
      connection.send(
        frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
        frame(Type.data, 0, id, Buffer.alloc(16_384, 1)),
        frame(Type.windowUpdate, 0, id, words(100)),
        frame(Type.headers, Flag.endHeaders | Flag.endStream, id, OK_TRAILERS),
      );
      if (id % 4 === 1) connection.reset(id, 8);
    }
    // Were its credit lost, 20 × 16 KiB would take a third of the connection's window each time.
    for (let i = 0; i < 5; i++) assert.equal((await client.call()).status, 0);
    assert.equal(backend.connections.length, 1);
    assert.equal(backend.open, 1);
    assert.equal(proxy.row()[ClusterColumn.upstreamConnections], 1);
    await proxy.settled();
  });
});
