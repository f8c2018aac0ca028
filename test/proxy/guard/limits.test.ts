import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CloseReason, GuardCell, RefusalReason } from "../../../src/telemetry/guard-cell.ts";
import { PortCell, PortRefusal } from "../../../src/telemetry/port-cell.ts";
import { WorkerColumn } from "../../../src/telemetry/worker-counters.ts";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";
import { Flag, frame, literal, RawBackend, Type } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const REQUEST = Buffer.concat([
  literal(":method", "POST"),
  literal(":scheme", "http"),
  literal(":path", "/test.Echo/Unary"),
  literal(":authority", ECHO),
  literal("content-type", "application/grpc"),
  literal("te", "trailers"),
]);

/** A client that sends octets as a test likes, and keeps what it is sent. */
class Wire {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("data", (octets: Buffer) => (this.received = Buffer.concat([this.received, octets])));
    this.socket.on("close", () => (this.closed = true));
  }

  static async open(port: number): Promise<Wire> {
    const wire = new Wire(port);
    await once(wire.socket, "connect");
    return wire;
  }

  /** @returns the error code of the last GOAWAY, -1 for none. */
  goaway(): number {
    let code = -1;
    for (let at = 0; at + 9 <= this.received.length; at += 9 + this.received.readUIntBE(at, 3)) {
      if (this.received[at + 3] === Type.goaway) code = this.received.readUInt32BE(at + 13);
    }
    return code;
  }
}

describe("limits of clients", () => {
  const closers: (() => void | Promise<void>)[] = [];
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function start(guard: Parameters<typeof LocalProxy.start>[0]): Promise<LocalProxy> {
    const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const proxy = await LocalProxy.start(guard);
    proxy.apply([backend.port]);
    closers.push(
      () => backend.stop(),
      () => proxy.close(),
    );
    return proxy;
  }

  it("close what one caller has too many of, when it is accepted, and take others in its place", async () => {
    const proxy = await start({ guard: { maxConnectionsPerCaller: 3 } });
    const wires = await Promise.all([0, 1, 2].map(() => Wire.open(proxy.port)));
    await until("three taken in", () => proxy.dataPlane.downstreamConnections === 3);
    const fourth = new Wire(proxy.port);
    await until("the fourth closed", () => fourth.closed);
    assert.equal(fourth.received.length, 0);
    assert.equal(proxy.guarded(GuardCell.refused + RefusalReason.callerConnections), 1);
    wires[0]!.socket.destroy();
    await until("one gone", () => proxy.dataPlane.downstreamConnections === 2);
    const client = new RawClient(proxy.port);
    assert.equal((await client.call()).status, 0);
    client.close();
    for (const wire of wires) wire.socket.destroy();
  });

  it("end a connection whose SETTINGS do not come, not one that has said them and is quiet", async () => {
    const proxy = await start({ guard: { handshakeTimeoutMs: 1500 }, listener: { protocol: "http2" } });
    const silent = await Wire.open(proxy.port);
    const half = await Wire.open(proxy.port);
    half.socket.write(PREFACE.subarray(0, 20));
    const quiet = await Wire.open(proxy.port);
    quiet.socket.write(Buffer.concat([PREFACE, frame(Type.settings, 0, 0)]));
    await until("both closed", () => silent.closed && half.closed);
    await sleep(1500);
    assert.equal(quiet.closed, false);
    assert.equal(proxy.guarded(GuardCell.closed + CloseReason.handshakeTimeout), 2);
    quiet.socket.destroy();
  });

  it("end a connection that may speak anything and says nothing, or too little to know, in the same time", async () => {
    const proxy = await start({ guard: { handshakeTimeoutMs: 1500 } });
    const startMs = performance.now();
    const silent = await Wire.open(proxy.port);
    const half = await Wire.open(proxy.port);
    half.socket.write(PREFACE.subarray(0, 1));
    const quiet = await Wire.open(proxy.port);
    quiet.socket.write(Buffer.concat([PREFACE, frame(Type.settings, 0, 0)]));
    await until("both closed", () => silent.closed && half.closed);
    assert.ok(performance.now() - startMs >= 1490, `after ${performance.now() - startMs} ms`);
    assert.equal(quiet.closed, false);
    const refused = WorkerColumn.port + PortCell.refused;
    assert.equal(proxy.worker.row(0)[refused + PortRefusal.silent], 1);
    assert.equal(proxy.worker.row(0)[refused + PortRefusal.headTimeout], 1);
    quiet.socket.destroy();
  });

  it("end a header section that trickles in with ENHANCE_YOUR_CALM, by frames or by octets", async () => {
    const proxy = await start({ guard: { requestHeadersTimeoutMs: 1500 } });
    const client = new RawClient(proxy.port);
    const wires = await Promise.all([0, 1].map(() => Wire.open(proxy.port)));
    const [frames, octets] = wires as [Wire, Wire];
    for (const { socket } of wires) socket.write(Buffer.concat([PREFACE, frame(Type.settings, 0, 0)]));
    frames.socket.write(frame(Type.headers, 0, 1, literal(":method", "POST")));
    // A head of 1,000 octets, of which one comes at a time.
    octets.socket.write(
      Buffer.concat([frame(Type.headers, Flag.endHeaders, 1, Buffer.alloc(1000)).subarray(0, 9)]),
    );
    const trickle = setInterval(() => {
      frames.socket.write(frame(Type.continuation, 0, 1, literal("x-slow", "1")));
      octets.socket.write(Buffer.alloc(1));
    }, 100);
    try {
      await until("both told to go", () => wires.every((wire) => wire.goaway() >= 0));
      assert.deepEqual(
        wires.map((wire) => wire.goaway()),
        [11, 11],
      );
    } finally {
      clearInterval(trickle);
    }
    await until("both closed", () => wires.every((wire) => wire.closed));
    assert.equal((await client.call()).status, 0);
    assert.equal(proxy.guarded(GuardCell.closed + CloseReason.headersTimeout), 2);
    client.close();
  });

  it("ask a client that is silent with a stream open, and close it when it does not answer", async () => {
    const backend = await RawBackend.start();
    const proxy = await LocalProxy.start({ guard: { keepaliveTimeMs: 1000, keepaliveTimeoutMs: 1500 } });
    proxy.apply([backend.port]);
    const alive = new RawClient(proxy.port);
    const stopped = await Wire.open(proxy.port);
    const idle = await Wire.open(proxy.port);
    for (const { socket } of [idle, stopped])
      socket.write(Buffer.concat([PREFACE, frame(Type.settings, 0, 0)]));
    const stream = alive.open();
    stopped.socket.write(frame(Type.headers, Flag.endHeaders, 1, REQUEST));
    await until("both at the backend", () => backend.connections.some(({ streams: { size } }) => size === 2));
    // As a stopped process: its kernel takes octets, and nobody reads them.
    stopped.socket.pause();
    await until("PINGs sent to both", () => proxy.guarded(GuardCell.downstreamPings) >= 2);
    await until("the silent one closed", () => proxy.dataPlane.downstreamConnections === 2);
    assert.equal(proxy.guarded(GuardCell.closed + CloseReason.keepaliveTimeout), 1);
    await until("its stream ended at the backend", () => proxy.dataPlane.streams === 2);
    await sleep(2500);
    assert.equal(alive.session.closed, false, "who answers stays");
    assert.equal(idle.closed, false, "who has no stream is not asked");
    stream.close();
    alive.close();
    stopped.socket.destroy();
    idle.socket.destroy();
    await proxy.close();
    backend.stop();
  });

  it("ask clients to go at an age, without losing the calls they have", async () => {
    const backend = await RawBackend.start();
    const proxy = await LocalProxy.start({ guard: { maxConnectionAgeMs: 1000 } });
    proxy.apply([backend.port]);
    const client = new RawClient(proxy.port);
    const answer = client.call();
    await until("at the backend", () => backend.connections[0]?.streams.size === 1);
    await until("asked to go", () => client.goaway === 0);
    await sleep(500);
    backend.connections[0]!.answer(1);
    assert.equal((await answer).status, 0);
    await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
    assert.equal(proxy.guarded(GuardCell.closed + CloseReason.maxAge), 1);
    client.close();
    await proxy.close();
    backend.stop();
  });
});
