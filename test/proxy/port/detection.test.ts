import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PortRefusal } from "../../../src/telemetry/port-cell.ts";
import { DownstreamProtocol } from "../../../src/telemetry/worker-counters.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { GrpcClient } from "../fixture/grpc-client.ts";
import type { LocalProxyOptions } from "../fixture/local-proxy.ts";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "./fixture/tcp-backend.ts";
import { TcpPeer } from "./fixture/tcp-peer.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const GREETING = Buffer.from("\x4a\0\0\0\x0a8.4.0\0mysql_native_password\0", "latin1");

describe("a connection says what it speaks by its first octets", () => {
  let proxy: LocalProxy;
  let backend: TcpBackend;
  const peers: TcpPeer[] = [];

  async function start(options: LocalProxyOptions = {}, onPeer?: (peer: TcpPeer) => void): Promise<void> {
    proxy = await LocalProxy.start(options);
    backend = await TcpBackend.start(onPeer);
    proxy.apply([backend.port]);
  }
  async function dial(): Promise<TcpPeer> {
    const peer = await TcpPeer.connect(proxy.port);
    peers.push(peer);
    return peer;
  }
  beforeEach(() => {
    peers.length = 0;
  });
  afterEach(async () => {
    for (const peer of peers) peer.close();
    await until("backends closed", () => proxy.dataPlane.downstreamConnections === 0);
    backend.stop();
    await proxy.close();
  });

  it("HTTP/2 with prior knowledge, in one piece or octet by octet", async () => {
    await start();
    for (const pieces of [[PREFACE], [...PREFACE]]) {
      const peer = await dial();
      for (const piece of pieces) {
        peer.say(piece);
        await sleep(1);
      }
      peer.say(SETTINGS);
      // SETTINGS of the proxy, and the acknowledgement of ours.
      await until("SETTINGS and ACK", () => peer.heard.includes(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])));
      assert.equal(proxy.open(DownstreamProtocol.h2c), 1);
      peer.close();
      await until("gone", () => proxy.open(DownstreamProtocol.h2c) === 0);
    }
  });

  it("a partial preface is waited for longer than silence, because nothing else begins like it", async () => {
    await start({ listener: { cluster: ECHO } });
    const peer = await dial();
    peer.say("PRI");
    await sleep(150);
    peer.say(PREFACE.slice(3)).say(SETTINGS);
    await until("SETTINGS and ACK", () => peer.heard.includes(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])));
    assert.equal(backend.peers.length, 0, "no endpoint was dialled for nothing");
  });

  it("a client that speaks at once costs the endpoint no connection for nothing", async () => {
    await start({ listener: { cluster: ECHO } });
    for (let i = 0; i < 20; i++) (await dial()).say(PREFACE).say(SETTINGS);
    await until("all HTTP/2", () => proxy.open(DownstreamProtocol.h2c) === 20);
    await sleep(80);
    assert.equal(backend.peers.length, 0);
  });

  it("a server that speaks first is heard at once, long before silence would be one", async () => {
    await start({ listener: { cluster: ECHO } }, (peer) => peer.say(GREETING));
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const peer = await dial();
      const began = performance.now();
      await peer.hears("mysql_native_password");
      times.push(peer.firstMs - began);
      assert.deepEqual(peer.heard, GREETING);
      peer.say("login");
      await backend.peers[i]!.hears("login");
    }
    times.sort((a, b) => a - b);
    assert.ok(times[10]! < 50, `the median greeting took ${times[10]!.toFixed(1)} ms`);
    assert.equal(proxy.open(DownstreamProtocol.tcp), 20);
    assert.equal(backend.peers.length, 20, "one connection each: what was dialled early is used");
  });

  it("a client that is silent waits 50 ms, then its connection is TCP", async () => {
    await start({ listener: { cluster: ECHO } });
    const peer = await dial();
    await until("dialled early", () => backend.peers.length === 1, { limitMs: 45 });
    await until("TCP", () => proxy.open(DownstreamProtocol.tcp) === 1);
    backend.peers[0]!.say("at last");
    await peer.hears("at last");
  });

  it("a client of HTTP/2 that was slow to begin is served as such, and its requests balanced one by one", async () => {
    await start({ listener: { cluster: ECHO } }, (peer) => peer.say(SETTINGS));
    const peer = await dial();
    await until("counted as TCP meanwhile", () => proxy.open(DownstreamProtocol.tcp) === 1);
    await sleep(100);
    assert.equal(peer.heardOctets, 0, "the endpoint's SETTINGS are not the client's");
    peer.say(PREFACE).say(SETTINGS);
    await until("HTTP/2", () => proxy.open(DownstreamProtocol.h2c) === 1);
    assert.equal(proxy.open(DownstreamProtocol.tcp), 0);
    await backend.peers[0]!.isClosed();
  });

  it("a silent client is told when there is no endpoint to listen to, and when the endpoint ends", async () => {
    await start({ listener: { cluster: ECHO } }, ({ socket }) => void socket.end("sorry"));
    const told = await dial();
    await told.isClosed();
    assert.equal(told.text, "sorry");
    proxy.apply([]);
    const peer = await dial();
    await peer.isClosed();
    assert.equal(proxy.refused(PortRefusal.noEndpoint), 1);
  });

  it("an endpoint that greets with SETTINGS does not make a slow HTTP/2 client's connection TCP", async () => {
    await start({ listener: { cluster: ECHO } }, (peer) => peer.say(SETTINGS));
    const peer = await dial();
    await until("greeted", () => backend.peers.length === 1);
    await sleep(10);
    peer.say(PREFACE).say(SETTINGS);
    await until("HTTP/2", () => proxy.open(DownstreamProtocol.h2c) === 1);
    await backend.peers[0]!.isClosed();
  });

  it("anything else goes to an endpoint of the connection's cluster, with all that was said", async () => {
    await start({ listener: { cluster: ECHO } });
    for (const words of ["\x16\x02", "PRELUDE", "\0\0\0\x08\x04\xd2\x16\x2f", "GETAWAY", "hello\n"]) {
      const peer = await dial();
      const before = backend.peers.length;
      peer.say(Buffer.from(words, "latin1"));
      await until("dialled", () => backend.peers.length > before);
      await backend.peers.at(-1)!.hears(words);
      backend.peers.at(-1)!.say(Buffer.from(`not ${words}`, "latin1"));
      await peer.hears(`not ${words}`);
    }
  });

  it("without a cluster, what names no service is closed in order, whatever follows, and counted", async () => {
    await start();
    const noise = [
      "EHLO there\r\n",
      "INVALID CONNECTION PREFACE\r\n\r\n",
      "\x16\x03\x01\0\x05\x01\0\0\x01\0",
    ];
    for (const words of noise) {
      const peer = (await dial()).say(Buffer.from(words, "latin1"));
      await until("ended", () => peer.ended);
      // What comes late is read out: unread octets would be answered by a reset.
      peer.socket.end("and one more thing");
      await until("closed", () => peer.closed);
      assert.equal(peer.error, "");
      assert.equal(peer.text, "");
    }
    assert.equal(proxy.refused(PortRefusal.unknownProtocol), 2);
    assert.equal(proxy.refused(PortRefusal.malformed), 1);
  });

  it("a listener whose cluster is not there closes and counts", async () => {
    await start({ listener: { cluster: "nowhere.test:1" } });
    // The close may come before the client is told that it is connected.
    await dial().then(
      (peer) => peer.isClosed(),
      (error: NodeJS.ErrnoException) => assert.equal(error.code, "ECONNRESET"),
    );
    assert.equal(proxy.refused(PortRefusal.noCluster), 1);
  });

  it("a declared protocol, of the listener or the cluster, is not looked for", async () => {
    await start({ listener: { cluster: ECHO, protocol: "tcp" } });
    const peer = (await dial()).say(PREFACE);
    await until("dialled", () => backend.peers.length === 1);
    await backend.peers[0]!.hears(PREFACE);
    peer.close();
    await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
    backend.stop();
    await proxy.close();

    await start({ listener: { cluster: ECHO } });
    proxy.apply([backend.port], { protocol: "tcp" });
    (await dial()).say(PREFACE);
    await until("dialled", () => backend.peers.length === 1);
    await backend.peers[0]!.hears(PREFACE);
  });

  it("the listener's cluster takes every authority, and the client's goes through unchanged", async () => {
    await start({ listener: { cluster: ECHO } });
    const grpc = await GrpcBackend.start();
    proxy.apply([grpc.port]);
    const client = new GrpcClient(proxy.port, "whatever.example:1234");
    assert.equal((await client.unary("x")).code, 0);
    assert.equal(grpc.lastHost, "whatever.example:1234");
    client.close();
    grpc.stop();
  });

  it("a removed cluster ends what its connections ask for, and comes back for them by its name", async () => {
    await start({ listener: { cluster: ECHO } });
    const grpc = await GrpcBackend.start();
    proxy.apply([grpc.port]);
    const client = new GrpcClient(proxy.port, "other.example");
    assert.equal((await client.unary("x")).code, 0);
    proxy.remove();
    assert.equal((await client.unary("x")).code, 12);
    // Other clusters may have its slots now.
    proxy.apply([backend.port], { name: "else.test:1" });
    assert.equal((await client.unary("x")).code, 12);
    proxy.apply([grpc.port]);
    assert.equal((await client.unary("x")).code, 0);
    client.close();
    grpc.stop();
  });

  it("works over a unix socket, whatever the source ranges say", async () => {
    const folder = mkdtempSync(join(tmpdir(), "isobar-"));
    const unixPath = join(folder, "p.sock");
    await start({ unixPath, listener: { cluster: ECHO, isUnix: true, allowedSources: [] } });
    const grpc = await GrpcBackend.start();
    proxy.apply([grpc.port]);
    const client = new GrpcClient(unixPath);
    assert.equal((await client.unary("over a file")).body.toString(), "over a file");
    client.close();
    proxy.apply([backend.port]);
    const peer = await TcpPeer.connect({ path: unixPath });
    peers.push(peer.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    await until("dialled", () => backend.peers.length === 1);
    await backend.peers[0]!.hears("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert.equal(proxy.open(DownstreamProtocol.http1), 1);
    grpc.stop();
    rmSync(folder, { recursive: true });
  });

  it("node:http2 as the client is served as before", async () => {
    await start();
    const session = connectHttp2(`http://127.0.0.1:${proxy.port}`);
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    session.close();
    await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
  });
});
