import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ByteColumn, ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { PortRefusal } from "../../../src/telemetry/port-cell.ts";
import { DownstreamProtocol } from "../../../src/telemetry/worker-counters.ts";
import { freePorts } from "../../support/free-ports.ts";
import type { LocalProxyOptions } from "../fixture/local-proxy.ts";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "./fixture/tcp-backend.ts";
import { TcpPeer } from "./fixture/tcp-peer.ts";

const MIB = 2 ** 20;

/** Octets of which none is where a neighbour's would be. */
function pattern(octets: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: octets }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 0xff));
}

function digest(octets: Buffer): string {
  return createHash("sha256").update(octets).digest("hex");
}

describe("a spliced connection", () => {
  let proxy: LocalProxy;
  const peers: TcpPeer[] = [];
  const backends: TcpBackend[] = [];

  async function start(options: LocalProxyOptions = {}): Promise<void> {
    proxy = await LocalProxy.start({ listener: { cluster: ECHO, protocol: "tcp" }, ...options });
  }
  async function backend(onPeer?: (peer: TcpPeer) => void): Promise<TcpBackend> {
    const made = await TcpBackend.start(onPeer);
    backends.push(made);
    return made;
  }
  async function dial(): Promise<TcpPeer> {
    const peer = await TcpPeer.connect(proxy.port);
    peers.push(peer);
    return peer;
  }
  beforeEach(() => {
    peers.length = backends.length = 0;
  });
  afterEach(async () => {
    for (const peer of peers) peer.close();
    for (const each of backends) each.stop();
    await proxy.close();
  });

  it("passes megabytes both ways at once, every octet in its place, and counts them", async () => {
    await start();
    const echo = await TcpBackend.echo();
    backends.push(echo);
    proxy.apply([{ port: echo.port, zone: "a" }]);
    const sent = [1, 2, 3, 4].map((seed) => pattern(4 * MIB, seed));
    await Promise.all(
      sent.map(async (octets) => {
        const peer = await dial();
        peer.socket.end(octets);
        await until("all is back", () => peer.ended, { limitMs: 20_000, seen: () => peer.heardOctets });
        assert.equal(digest(peer.heard), digest(octets));
      }),
    );
    const row = proxy.row();
    const bytes = ClusterColumn.splicedBytes;
    assert.equal(row[bytes + ByteColumn.requestCrossZone], 16 * MIB);
    assert.equal(row[bytes + ByteColumn.responseCrossZone], 16 * MIB);
    assert.equal(row[ClusterColumn.splicedConnectionsTotal], 4);
    await until("gauge 0", () => row[ClusterColumn.splicedConnections] === 0);
  });

  it("holds back who sends faster than the other reads, within a bounded part of the budget", async () => {
    await start({ slabOctets: 16 * MIB });
    const slow = await backend(({ socket }) => void socket.pause());
    proxy.apply([slow.port]);
    const octets = pattern(24 * MIB, 9);
    const peer = await dial();
    const before = proxy.slabUsedOctets;
    let taken = false;
    peer.socket.write(octets, () => {
      taken = true;
    });
    await sleep(700);
    assert.ok(!taken, "the client is held back");
    assert.ok(proxy.slabUsedOctets - before < MIB, `${proxy.slabUsedOctets - before} octets are held`);
    slow.peers[0]!.socket.resume();
    await until("all arrived", () => slow.peers[0]!.heardOctets === octets.length, { limitMs: 20_000 });
    assert.equal(digest(slow.peers[0]!.heard), digest(octets));
  });

  it("passes half-close on, both ways, and goes on in the other direction for as long as it takes", async () => {
    await start();
    const server = await backend((peer) => {
      peer.keepsOpen = true;
    });
    proxy.apply([server.port]);
    const peer = await dial();
    peer.socket.end("request");
    await until("there", () => server.peers[0]?.ended === true);
    assert.equal(server.peers[0]!.text, "request");
    // Longer than a goodbye lingers.
    await sleep(1300);
    server.peers[0]!.say("late ");
    await peer.hears("late ");
    server.peers[0]!.socket.end("answer");
    await until("ended", () => peer.ended);
    assert.equal(peer.text, "late answer");

    const other = await dial();
    await until("second", () => server.peers.length === 2);
    server.peers[1]!.socket.end("bye");
    await until("ended", () => other.ended);
    other.say("one more");
    await server.peers[1]!.hears("one more");
  });

  it("passes a reset on as a reset: what was cut off must not look complete", async () => {
    await start();
    const server = await backend();
    proxy.apply([server.port]);
    const peer = await dial();
    await until("there", () => server.peers.length === 1);
    server.peers[0]!.say("half an ans");
    await peer.hears("half");
    server.peers[0]!.socket.resetAndDestroy();
    await until("closed", () => peer.closed);
    assert.equal(peer.error, "ECONNRESET");

    const second = await dial();
    await until("there", () => server.peers.length === 2);
    second.socket.resetAndDestroy();
    await until("closed", () => server.peers[1]!.closed);
    assert.equal(server.peers[1]!.error, "ECONNRESET");
  });

  it("counts as in flight for its life, so that connections are spread by it", async () => {
    await start();
    const three = [await backend(), await backend(), await backend()];
    proxy.apply(three.map(({ port }) => port));
    for (let i = 0; i < 12; i++) {
      await dial();
      await until("in flight", () => proxy.inFlight === i + 1);
    }
    await until("all there", () => three.reduce((sum, { peers: held }) => sum + held.length, 0) === 12);
    const counts = three.map(({ peers: held }) => held.length);
    assert.ok(Math.max(...counts) <= 6, `least_request left ${counts}`);
    assert.equal(proxy.row()[ClusterColumn.splicedConnections], 12);
    assert.equal(proxy.open(DownstreamProtocol.tcp), 12);
  });

  it("tries other endpoints while nothing was sent, and sets aside what cannot be connected to", async () => {
    await start();
    const alive = await backend();
    const dead = await freePorts(2);
    proxy.apply([...dead, alive.port], {
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    for (let i = 0; i < 8; i++) {
      const peer = (await dial()).say(`call ${i}`);
      await until("there", () => alive.peers.length === i + 1);
      await alive.peers[i]!.hears(`call ${i}`);
      peer.close();
    }
    const failures = proxy.row()[ClusterColumn.upstreamConnectFailures]!;
    assert.ok(failures >= 1 && failures <= 4, `${failures} dials failed, then the dead were avoided`);
    for (const port of dead) assert.ok(proxy.endpoints.setAside[proxy.slotOf(port)] !== undefined);
  });

  it("that finds no endpoint is reset and counted, and moves are bounded", async () => {
    await start();
    const dead = await freePorts(8);
    proxy.apply(dead);
    const peer = await dial();
    await until("closed", () => peer.closed);
    assert.equal(proxy.refused(PortRefusal.connectFailure), 1);
    assert.equal(proxy.row()[ClusterColumn.attempts], 4, "one endpoint and three moves");
    proxy.apply([]);
    // It may be closed before the client is told that it is connected.
    await dial().then(
      (other) => other.isClosed(),
      () => undefined,
    );
    assert.equal(proxy.refused(PortRefusal.noEndpoint), 1);
  });

  it("outlives the endpoint's removal and the cluster's, whose slots wait for it", async () => {
    await start();
    const server = await backend();
    proxy.apply([server.port]);
    const peer = await dial();
    await until("there", () => server.peers.length === 1);
    const slot = proxy.slotOf(server.port);
    proxy.apply([]);
    await sleep(20);
    assert.deepEqual(proxy.released, [], "the slot is in use");
    server.peers[0]!.say("still here");
    await peer.hears("still here");
    proxy.remove();
    assert.deepEqual(proxy.releasedClusters, []);
    peer.close();
    await until("released", () => proxy.released.includes(slot) && proxy.releasedClusters.length === 1);
    proxy.apply([]);
  });

  it("is let be by a drain, and cut off at its limit", async () => {
    await start();
    const server = await backend();
    proxy.apply([server.port]);
    const peer = await dial();
    await until("there", () => server.peers.length === 1);
    proxy.dataPlane.drain();
    await sleep(50);
    server.peers[0]!.say("go on");
    await peer.hears("go on");
    assert.equal(proxy.dataPlane.downstreamConnections, 1);
    assert.equal(proxy.dataPlane.cutOff(), 1);
    await until("cut", () => peer.closed && server.peers[0]!.closed);
  });
});

describe("HTTP/1.1 that nothing asks to look into", () => {
  let proxy: LocalProxy;
  let seen: string[];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.setHeader("x-path", request.url!);
    response.end(`<${request.url}>`);
  });
  server.on("upgrade", (request, socket) => {
    seen.push(`upgrade ${request.headers["sec-websocket-key"]}`);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    socket.on("data", (octets) => socket.write(Buffer.concat([Buffer.from("echo "), octets])));
    socket.on("end", () => socket.end());
  });

  beforeEach(async () => {
    seen = [];
    proxy = await LocalProxy.start();
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    proxy.apply([(server.address() as AddressInfo).port], { name: "web.shop.svc.cluster.local:80" });
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await proxy.close();
  });

  async function say(octets: string): Promise<TcpPeer> {
    return (await TcpPeer.connect(proxy.port)).say(octets);
  }

  it("goes by the Host of its first request, with its port or 80, and is passed on unchanged", async () => {
    for (const host of ["web.shop.svc.cluster.local", "WEB.shop.svc.cluster.local:80", "web.shop", "web"]) {
      const peer = await say(`GET /a HTTP/1.1\r\nhOsT:  ${host}\r\nx-Odd:\tkept \r\n\r\n`);
      await peer.hears("</a>");
      assert.equal(seen.at(-1), `GET /a ${host}`);
      peer.close();
    }
    const absolute = await say("GET http://web.shop/b HTTP/1.1\r\nhost: other\r\n\r\n");
    await absolute.hears("http://web.shop/b");
    absolute.close();
  });

  it("keeps the connection, and pipelines", async () => {
    const requests = [1, 2, 3].map((i) => `GET /${i} HTTP/1.1\r\nhost: web\r\n\r\n`);
    const peer = await say(requests.join(""));
    await peer.hears("</3>");
    assert.deepEqual(peer.text.match(/<\/\d>/g), ["</1>", "</2>", "</3>"]);
    peer.say(requests[0]!);
    await until("kept alive", () => seen.length === 4);
    assert.equal(proxy.open(DownstreamProtocol.http1), 1);
    peer.close();
  });

  it("upgrades to WebSocket", async () => {
    const peer = await say(
      "GET /ws HTTP/1.1\r\nhost: web\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: k\r\n\r\n",
    );
    await peer.hears("101 Switching");
    peer.say(Buffer.from([0x81, 0x05, 1, 2, 3]));
    await peer.hears("echo \x81\x05\x01\x02\x03");
    assert.deepEqual(seen, ["upgrade k"]);
    peer.close();
  });

  it("is told in HTTP when no cluster has its host, and when it is not valid", async () => {
    const unknown = await say("GET / HTTP/1.1\r\nhost: nobody.test\r\n\r\n");
    await unknown.hears("HTTP/1.1 404");
    await unknown.isClosed();
    assert.ok(!unknown.text.includes("nobody"), "nothing of the request is repeated");
    for (const bad of [
      "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nhost : web\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: web\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: we b\r\n\r\n",
      "GET /\r\nhost: web\r\n\r\n",
      "GET / HTTP/2.0\r\nhost: web\r\n\r\n",
      "GET / HTTP/1.1\nhost: web\n\n",
    ]) {
      const peer = await say(bad);
      await peer.hears("HTTP/1.1 400");
      await peer.isClosed();
    }
    const large = await say(`GET / HTTP/1.1\r\nhost: web\r\nx: ${"y".repeat(9000)}`);
    await large.hears("HTTP/1.1 431");
    assert.equal(proxy.refused(PortRefusal.noCluster), 1);
    assert.equal(proxy.refused(PortRefusal.malformed), 8);
    assert.deepEqual(seen, []);
  });

  it("is told 503 when no endpoint can be connected to", async () => {
    proxy.apply(await freePorts(1), { name: "web.shop.svc.cluster.local:80" });
    const peer = await say("GET / HTTP/1.1\r\nhost: web\r\n\r\n");
    await peer.hears("HTTP/1.1 503");
  });
});
