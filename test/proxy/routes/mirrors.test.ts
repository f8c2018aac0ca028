import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { MirrorPolicy } from "../../../src/resource/route.ts";
import { RouteCell } from "../../../src/telemetry/route-counters.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import type { RawStream } from "../fixture/raw-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { LiveRoutes } from "./live-routes.ts";

const SHADOW = "shadow.test:1";
const POLICY: MirrorPolicy = {
  cluster: SHADOW,
  percent: 100,
  maxRequests: 100,
  maxPerSecond: 100_000,
  maxBodyOctets: 65_536,
  timeoutMs: 30_000,
};
const message = (octets: number): Buffer => {
  const framed = Buffer.alloc(octets + 5, 7);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(octets, 1);
  return framed;
};

describe("mirrors", () => {
  let original: GrpcBackend;
  let proxy: LocalProxy;
  let routes: LiveRoutes;
  let client: RawClient;
  let shadow: RawBackend;
  const streams: RawStream[] = [];
  const resets: number[] = [];
  let answers: boolean;

  before(async () => {
    original = await GrpcBackend.start();
  });
  after(() => original.stop());
  beforeEach(async () => {
    streams.length = 0;
    resets.length = 0;
    answers = true;
    shadow = await RawBackend.start({
      onHeaders: (stream) => streams.push(stream),
      onRequest: ({ connection, id }) => {
        if (answers) connection.answer(id, message(1000));
      },
      onReset: (_, code) => resets.push(code),
    });
    proxy = await LocalProxy.start({ sweeps: false });
    proxy.apply([original.port]);
    proxy.apply([shadow.port], { name: SHADOW });
    routes = new LiveRoutes(proxy);
    client = new RawClient(proxy.port);
    original.calls = 0;
  });
  afterEach(async () => {
    client.close();
    await proxy.close();
    shadow.stop();
  });

  /** The first copy finds no connection: it is made then. */
  const warmUp = async (policy: Partial<MirrorPolicy> = {}): Promise<void> => {
    await routes.apply({ mirror: { ...POLICY, ...policy } });
    for (let i = 0; streams.length === 0; i++) {
      assert.ok(i < 100, "no copy has come");
      assert.equal((await client.call(message(3))).status, 0);
      await sleep(5);
    }
    await proxy.settled();
    streams.length = 0;
  };
  const count = (cell: number): number => routes.count(cell);

  it("copy whole requests and drop the answers", async () => {
    await warmUp();
    const before = original.calls;
    for (let i = 0; i < 20; i++) assert.equal((await client.call(message(100 * i))).status, 0);
    await until("20 copies", () => streams.length === 20 && streams.every(({ ended }) => ended));
    assert.equal(original.calls - before, 20);
    for (const [i, { body }] of streams.entries()) assert.deepEqual(body, message(100 * i));
    assert.deepEqual(resets, []);
  });

  it("copy a streaming call part by part while it goes on", async () => {
    await warmUp();
    const chat = client.open({ ":path": "/test.Echo/Chat" });
    const ended = answerOf(chat);
    for (let i = 1; i <= 5; i++) {
      chat.write(message(10));
      await until(`part ${i}`, () => streams[0]?.body.length === 15 * i);
      assert.ok(!streams[0]!.ended);
    }
    chat.end();
    assert.equal((await ended).status, 0);
    await until("its end", () => streams[0]!.ended);
    assert.equal(streams[0]!.body.length, 75);
  });

  it("give a copy up that grows too long, or whose original was cancelled", async () => {
    await warmUp({ maxBodyOctets: 1000 });
    const chat = client.open({ ":path": "/test.Echo/Chat" });
    const ended = answerOf(chat);
    chat.write(message(500));
    await until("its first part", () => streams[0]?.body.length === 505);
    chat.write(message(2000));
    await until("its reset", () => resets.length === 1);
    assert.equal(count(RouteCell.mirrorsCut), 1);
    chat.end();
    assert.equal((await ended).status, 0);
    const other = client.open({ ":path": "/test.Echo/Chat" });
    other.write(message(5));
    await until("another copy", () => streams.length === 2);
    other.close(8);
    await until("its reset too", () => resets.length === 2);
  });

  it("never hold up an original: a copy nobody answers or reads costs nothing but its place", async () => {
    await warmUp({ maxRequests: 3, timeoutMs: 50 });
    answers = false;
    for (const connection of shadow.connections) connection.grant = false;
    for (let i = 0; i < 30; i++) assert.equal((await client.call(message(60_000))).status, 0);
    assert.equal(streams.length, 3);
    assert.equal(count(RouteCell.mirrorsDropped) >= 27, true);
    await sleep(60);
    proxy.dataPlane.sweep();
    await until("copies given up", () => resets.length === 3);
    answers = true;
    assert.equal((await client.call(message(3))).status, 0);
    await until("another copy", () => streams.length === 4);
    // Its body waits for a window that never opens.
    await sleep(60);
    proxy.dataPlane.sweep();
  });

  it("keep to percent and rate", async () => {
    await warmUp({ percent: 25 });
    const sent = count(RouteCell.mirrored);
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 40 }, () => client.call(message(1))));
    const share = (count(RouteCell.mirrored) - sent) / 400;
    assert.ok(Math.abs(share - 0.25) < 0.08, `${share}`);
    await routes.apply({ mirror: { ...POLICY, maxPerSecond: 5 } });
    const then = count(RouteCell.mirrored);
    await Promise.all(Array.from({ length: 50 }, () => client.call(message(1))));
    assert.ok(count(RouteCell.mirrored) - then <= 7);
  });

  it("outlive their connection, their cluster and an original that fails", async () => {
    await warmUp();
    answers = false;
    const calls = Promise.all(Array.from({ length: 5 }, () => client.call(message(10))));
    await until("copies", () => streams.length === 5);
    for (const { socket } of shadow.connections) socket.destroy();
    for (const { status } of await calls) assert.equal(status, 0);
    await proxy.settled();
    proxy.remove(SHADOW);
    assert.equal((await client.call(message(10))).status, 0);
  });
});
