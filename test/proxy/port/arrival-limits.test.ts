import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ARRIVAL_LIMITS } from "../../../src/proxy/port/arrival-limits.ts";
import { PortRefusal } from "../../../src/telemetry/port-cell.ts";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "./fixture/tcp-backend.ts";
import { TcpPeer } from "./fixture/tcp-peer.ts";

const HOUR_MS = 3_600_000;
const SWEEP_MS = 60_000;

describe("time on the port is limited", () => {
  let proxy: LocalProxy;
  let echo: TcpBackend;
  let nowMs = 1_000;
  const peers: TcpPeer[] = [];

  async function start(cluster: string, headLimitMs: number): Promise<void> {
    const limits = { ...ARRIVAL_LIMITS, headLimitMs, lingerMs: 100 };
    proxy = await LocalProxy.start({
      listener: { cluster },
      port: { limits },
      nowMs: () => nowMs,
      sweeps: false,
    });
    proxy.apply([echo.port]);
  }
  async function dial(): Promise<TcpPeer> {
    const peer = await TcpPeer.connect(proxy.port);
    peers.push(peer);
    return peer;
  }
  beforeEach(async () => {
    peers.length = 0;
    echo = await TcpBackend.echo();
  });
  afterEach(async () => {
    for (const peer of peers) peer.close();
    echo.stop();
    await proxy.close();
  });

  it("to 10 s for what a client begins with, and to an hour for what carries nothing", () => {
    assert.equal(ARRIVAL_LIMITS.headLimitMs, 10_000);
    assert.equal(ARRIVAL_LIMITS.spliceIdleMs, HOUR_MS);
    return start("", 1000);
  });

  it("for who says nothing or half of something, where nothing else says what the connection is for", async () => {
    await start("", 150);
    const began = performance.now();
    const silent = await dial();
    const halves = ["GET / HT", "PRI", "\x16\x03\x01\x02\x00\x01", "CONNECT a:1 HTTP/1.1\r\n"];
    for (const words of halves) (await dial()).say(Buffer.from(words, "latin1"));
    await until("all ended", () => peers.every(({ ended, closed }) => ended || closed));
    assert.ok(performance.now() - began >= 140);
    assert.equal(proxy.refused(PortRefusal.silent), 1);
    assert.equal(proxy.refused(PortRefusal.headTimeout), halves.length);
    assert.equal(silent.error, "");
    // Who does not end its side in turn is closed all the same.
    await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
  });

  it("for half a head on a connection that has a cluster: it is TCP then", async () => {
    await start(ECHO, 150);
    const peer = (await dial()).say("GET / HT");
    await peer.hears("GET / HT");
  });

  it("but not for a connection in use, nor for one that rests less than an hour", async () => {
    await start(ECHO, 1000);
    const [idle, used] = [(await dial()).say("hello"), (await dial()).say("hello")];
    await idle.hears("hello");
    await used.hears("hello");
    const sweepAt = (ms: number): void => {
      nowMs = ms;
      proxy.dataPlane.sweep();
    };
    const beganMs = nowMs;
    sweepAt(beganMs + HOUR_MS - SWEEP_MS);
    used.say(" again");
    await used.hears("hello again");
    sweepAt(beganMs + HOUR_MS);
    await sleep(30);
    assert.ok(!idle.closed && !idle.ended);
    sweepAt(beganMs + HOUR_MS + SWEEP_MS);
    await idle.isClosed();
    assert.ok(!used.closed && !used.ended);
  });
});
