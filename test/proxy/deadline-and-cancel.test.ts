import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ResponseFlag } from "../../src/telemetry/response-flag.ts";
import { GrpcBackend } from "./fixture/grpc-backend.ts";
import { GrpcClient } from "./fixture/grpc-client.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { Flag, frame, literal, RawBackend, Type } from "./fixture/raw-backend.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const RAW = "raw.test:1";

describe("deadlines and cancels", () => {
  let proxy: LocalProxy;
  let backend: GrpcBackend;
  let client: GrpcClient;
  let raw: RawBackend;
  let rawClient: RawClient;
  const resets: number[] = [];

  before(async () => {
    proxy = await LocalProxy.start();
    backend = await GrpcBackend.start();
    raw = await RawBackend.start({ onReset: (_stream, code) => resets.push(code) });
    proxy.apply([backend.port]);
    proxy.apply([raw.port], { name: RAW });
    client = new GrpcClient(proxy.port);
    rawClient = new RawClient(proxy.port);
  });
  after(async () => {
    client.close();
    rawClient.close();
    await proxy.close();
    backend.stop();
    raw.stop();
  });

  it("pass the deadline on, less the time already spent", async () => {
    await client.unary("x", { deadline: Date.now() + 10_000 });
    assert.ok(backend.timeLeftMs > 9000 && backend.timeLeftMs <= 10_001, `${backend.timeLeftMs} ms left`);
  });

  it("have none where the client set none", async () => {
    await client.unary("x");
    assert.equal(backend.timeLeftMs, Number.POSITIVE_INFINITY);
  });

  it("end a call whose backend hangs, with status 4, and tell the backend", async () => {
    const started = performance.now();
    // A client that enforces no deadline of its own.
    const answer = await rawClient.call(Buffer.alloc(9), { ":authority": RAW, "grpc-timeout": "150m" });
    const tookMs = performance.now() - started;
    assert.equal(answer.status, 4);
    assert.match(answer.message, /deadline passed during the call to raw\.test:1/);
    assert.ok(tookMs >= 149 && tookMs < 400, `${tookMs} ms`);
    await until("the backend sees the cancel", () => resets.length === 1);
    assert.equal(resets[0], 8);
    assert.equal(proxy.finished(4, ResponseFlag.deadlineExceeded, RAW), 1);
  });

  it("take deadlines of every unit, and centuries", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    for (const value of ["99999999H", "1H", "90M", "30S", "500000u", "99999999n"]) {
      const stream = rawClient.open({ ":authority": RAW, "grpc-timeout": value }, true);
      await sleep(10);
      assert.equal(stream.closed, false, value);
      stream.close(8);
    }
    const { status } = await rawClient.call(Buffer.alloc(0), { ":authority": RAW, "grpc-timeout": "1n" });
    assert.equal(status, 4);
    process.off("warning", onWarning);
    assert.deepEqual(warnings, []);
  });

  it("cancel at the backend as soon as the client cancels", async () => {
    const before = backend.cancelled;
    const call = client.chat();
    call.on("error", () => {});
    call.write(Buffer.from("x"));
    await once(call, "data");
    const started = performance.now();
    call.cancel();
    await until("the backend sees the cancel", () => backend.cancelled === before + 1);
    assert.ok(performance.now() - started < 100);
    assert.ok(proxy.finished(1, ResponseFlag.downstreamReset) > 0);
    await proxy.settled();
  });

  it("cancel everything at the backend when the client's connection goes", async () => {
    const before = backend.cancelled;
    const other = new RawClient(proxy.port);
    const streams = Array.from({ length: 20 }, () => other.open({ ":path": "/test.Echo/Chat" }));
    for (const stream of streams) stream.write(Buffer.from([0, 0, 0, 0, 1, 65]));
    await Promise.all(streams.map((stream) => once(stream, "data")));
    other.session.destroy();
    await until("the backend sees 20 cancels", () => backend.cancelled === before + 20);
    await proxy.settled();
  });

  it("cancel everything at the backend when a client breaks HTTP/2, without waiting for its goodbye", async () => {
    const seen = resets.length;
    const { streams } = raw.connections[0]!;
    const before = streams.size;
    const rude = connect(proxy.port, "127.0.0.1");
    rude.on("error", () => {});
    const head = Buffer.concat([
      Buffer.from([0x83, 0x86]),
      literal(":path", "/a/b"),
      literal(":authority", RAW),
      literal("content-type", "application/grpc"),
    ]);
    rude.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    rude.write(frame(Type.settings, 0, 0));
    for (const id of [1, 3, 5]) rude.write(frame(Type.headers, Flag.endHeaders, id, head));
    await until("the streams are there", () => streams.size === before + 3);
    const started = performance.now();
    rude.write(frame(Type.ping, 0, 0, Buffer.alloc(3)));
    await until("the backend is told", () => resets.length === seen + 3);
    assert.ok(performance.now() - started < 300);
    await proxy.settled();
    rude.destroy();
  });

  it("tell the client at once when its call is reset by the backend, by the gRPC mapping", async () => {
    const cases = [
      [0, 13],
      [2, 13],
      [8, 1],
      [11, 8],
      [12, 7],
    ];
    for (const [code, status] of cases as [number, number][]) {
      const { streams } = raw.connections[0]!;
      const seen = streams.size;
      const answer = answerOf(rawClient.open({ ":authority": RAW }));
      await until("a new stream", () => streams.size > seen);
      raw.connections[0]!.reset([...streams.keys()].at(-1)!, code);
      const { status: told, message } = await answer;
      assert.equal(told, status, `error code ${code}`);
      assert.match(message, new RegExp(`stream reset by an endpoint of raw.test:1.*error code ${code}`));
    }
  });

  it("leave nothing behind", () => proxy.settled());
});
