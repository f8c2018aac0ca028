import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { GrpcStatus } from "../../src/grpc/status.ts";
import { FloodKind, WorkerColumn } from "../../src/telemetry/worker-counters.ts";
import {
  goaway,
  headers,
  PREFACE,
  ping,
  readFrames,
  reset,
  SETTINGS_ACK,
  settings,
} from "../support/frames.ts";
import { literalBlock, REQUEST } from "../support/literal-block.ts";
import { ECHO, LocalProxy } from "./fixture/local-proxy.ts";
import { RawBackend } from "./fixture/raw-backend.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const BLOCK = literalBlock({ ...REQUEST, ":authority": ECHO });
const ATTACK_STREAMS = 60_000;
const CANCELS = 5000;
const CANCELS_AT_ONCE = 500;

describe("floods", () => {
  let proxy: LocalProxy;
  let backend: RawBackend;
  let innocent: RawClient;

  const floodsOf = (kind: number): number => proxy.worker.row(0)[WorkerColumn.floodClosed + kind]!;

  before(async () => {
    proxy = await LocalProxy.start();
    backend = await RawBackend.start({
      onRequest: ({ id, connection, body }) => {
        if (body.toString() !== "hang") connection.answer(id);
      },
    });
    proxy.apply([backend.port]);
    innocent = new RawClient(proxy.port);
  });
  beforeEach(async () => {
    assert.equal((await innocent.call()).status, GrpcStatus.ok);
  });
  after(async () => {
    assert.equal((await innocent.call()).status, GrpcStatus.ok);
    assert.equal(innocent.goaway, -1);
    innocent.close();
    await proxy.close();
    backend.stop();
  });

  it("a client that resets as fast as it opens is ended, counted, and costs endpoints next to nothing", async () => {
    const socket = connect(proxy.port, "127.0.0.1");
    const heard: Buffer[] = [];
    socket.on("data", (octets: Buffer) => heard.push(octets));
    socket.on("error", () => {});
    const gone = once(socket, "close");
    socket.write(Buffer.concat([PREFACE, settings(), SETTINGS_ACK]));
    const before = backend.connections.reduce((sum, { streams }) => sum + streams.size, 0);
    for (let id = 1; id < 2 * ATTACK_STREAMS && !socket.destroyed; ) {
      const part: Buffer[] = [];
      for (let i = 0; i < 500; i++, id += 2)
        part.push(headers(id, BLOCK, { end: true }), reset(id, "CANCEL"));
      if (!socket.write(Buffer.concat(part))) await Promise.race([once(socket, "drain"), gone]);
    }
    await until("the attacker is closed", () => floodsOf(FloodKind.reset) === 1);
    await until("the goodbye has come", () => Buffer.concat(heard).includes("too many RST_STREAM"));
    const goodbye = readFrames(Buffer.concat(heard)).find(({ type }) => type === "GOAWAY");
    assert.match(goodbye?.text ?? "", /ENHANCE_YOUR_CALM$/);
    socket.destroy();
    const opened = backend.connections.reduce((sum, { streams }) => sum + streams.size, 0) - before;
    // Only what stood at the end of a read may have been opened before its reset came.
    assert.ok(opened < 1000, `${opened} streams reached the endpoint`);
  });

  it("a client that cancels 5,000 calls in bursts is not punished", async () => {
    const client = new RawClient(proxy.port);
    for (let sent = 0; sent < CANCELS; sent += CANCELS_AT_ONCE) {
      const streams = Array.from({ length: CANCELS_AT_ONCE }, () => client.open({}, false));
      const ends = streams.map((stream) => answerOf(stream));
      await new Promise(setImmediate);
      for (const stream of streams) stream.close(8);
      await Promise.all(ends);
    }
    assert.equal((await client.call()).status, GrpcStatus.ok);
    assert.equal(client.goaway, -1);
    client.close();
  });

  it("an endpoint that floods loses its connection, with the calls on it, and is asked again", async () => {
    const hanging = innocent.call(Buffer.from("hang"));
    await until("the call hangs", () => proxy.inFlight === 1);
    const attacker = backend.connections.findLast(({ socket }) => !socket.destroyed)!;
    const open = backend.connections.filter(({ socket }) => !socket.destroyed);
    for (const connection of open) connection.send(...Array.from({ length: 10_000 }, () => ping("flood")));
    assert.equal((await hanging).status, GrpcStatus.unavailable);
    assert.equal(floodsOf(FloodKind.ping), open.length);
    await until("the connection is gone", () => attacker.socket.destroyed);
  });

  it("an endpoint that goes on after its first GOAWAY loses its connection too, though that has no call", async () => {
    const attackers = backend.connections.filter(({ socket }) => !socket.destroyed);
    assert.ok(attackers.length > 0);
    const startMs = performance.now();
    for (const connection of attackers)
      connection.send(...Array.from({ length: 10_000 }, () => goaway(2 ** 31 - 1)));
    await until("they are counted", () => floodsOf(FloodKind.emptyFrame) === attackers.length);
    await until("they are gone", () => attackers.every(({ socket }) => socket.destroyed));
    assert.ok(performance.now() - startMs < 900, "at once, not when the time for a goodbye is over");
  });
});
