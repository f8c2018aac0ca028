import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { Http1Server } from "../../../src/http1/http1-server.ts";
import type { TlsFailure } from "../../../src/proxy/tls-failure.ts";
import type { Cluster } from "../../../src/resource/cluster.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { PortRefusal } from "../../../src/telemetry/port-cell.ts";
import { DownstreamProtocol } from "../../../src/telemetry/worker-counters.ts";
import { ConnectFailure } from "../../../src/upstream/connect-failure.ts";
import { missingForCarrier } from "../../support/missing-for-carrier.ts";
import { TestAuthority } from "../../support/test-authority.ts";
import type { LocalProxyOptions } from "../fixture/local-proxy.ts";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "./fixture/tcp-backend.ts";
import { TcpPeer } from "./fixture/tcp-peer.ts";

const NAME = "echo.test";
const SECRET = "the-secret-of-the-client";
const REQUEST = `GET /${SECRET} HTTP/1.1\r\nHost: ${ECHO}\r\n\r\n`;
const IDENTITY = { number: 1, serverName: NAME, subjectAltNames: [], cert: "", key: "" };
const MIB = 2 ** 20;

describe("a cluster whose endpoints are reached by TLS", { skip: missingForCarrier("tls") }, () => {
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ subjectAltNames: [`DNS:${NAME}`] });
  let proxy: LocalProxy;
  let closing: (() => void)[];
  const failures: TlsFailure[] = [];

  async function start(options: LocalProxyOptions = {}): Promise<void> {
    proxy = await LocalProxy.start({
      onTlsFailure: (failure) => failures.push(failure),
      port: { loadHttp1: async (services) => new Http1Server(services) },
      ...options,
      listener: { cluster: ECHO, ...options.listener },
    });
    proxy.dataPlane.setTlsIdentity({ ...IDENTITY, ca: authority.ca });
  }
  function apply(port: number, changes: Partial<Cluster> = {}): void {
    proxy.apply([port], { tlsIdentity: 1, ...changes });
  }
  async function listen(server: Server): Promise<number> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.on("secureConnection", (socket: Socket) => socket.on("error", () => {}));
    server.on("tlsClientError", () => {});
    closing.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }
  async function dial(): Promise<TcpPeer> {
    const peer = await TcpPeer.connect(proxy.port);
    closing.push(() => peer.close());
    return peer;
  }
  /** Octets come back; the ALPN that the proxy asked for is noted. */
  async function secureEcho(onSocket: (socket: TLSSocket) => void = () => {}): Promise<number> {
    const server = createTlsServer({ cert, key, allowHalfOpen: true }, (socket) => {
      onSocket(socket);
      socket.pipe(socket);
    });
    return listen(server);
  }
  beforeEach(() => {
    closing = [];
    failures.length = 0;
  });
  afterEach(async () => {
    for (const close of closing) close();
    await until("all gone", () => proxy.dataPlane.downstreamConnections === 0);
    await proxy.close();
  });

  it("takes plain TCP over TLS, megabytes of it, with its half-close", async () => {
    for (const protocol of ["auto", "tcp"] as const) {
      await start({ listener: { protocol } });
      const asked: unknown[] = [];
      apply(await secureEcho((socket) => asked.push(socket.alpnProtocol, socket.servername)));
      const peer = await dial();
      const octets = Buffer.alloc(4 * MIB, "no method at all ");
      peer.socket.end(octets);
      await until("all is back", () => peer.ended, { limitMs: 20_000, seen: () => peer.heardOctets });
      assert.ok(peer.heard.equals(octets));
      assert.deepEqual(asked, [false, NAME], "no protocol was named");
      if (protocol === "tcp") return;
      await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
      await proxy.close();
    }
  });

  it("is heard when its server speaks first, also through a tunnel and where the cluster is TCP", async () => {
    await start();
    const greeter = await listen(
      createTlsServer({ cert, key }, (socket) => {
        socket.write("220 ready");
        socket.once("data", (said) => socket.end(`you said ${said}`));
      }),
    );
    for (const protocol of ["http2", "tcp"] as const) {
      apply(greeter, { protocol });
      const peer = await dial();
      await peer.hears("220 ready");
      peer.say("login");
      await peer.hears("you said login");
      await peer.isClosed();
    }
  });

  it("in a tunnel is reached by TLS too", async () => {
    await start({ listener: { cluster: "" } });
    apply(await secureEcho());
    const peer = (await dial()).say(`CONNECT ${ECHO} HTTP/1.1\r\n\r\n`);
    await peer.hears("200 Connection Established\r\n\r\n");
    peer.say(SECRET);
    await peer.hears(SECRET);
  });

  it("passes on unread what the client has secured itself, even if it was silent until TLS had been dialled", async () => {
    await start();
    const clients: unknown[] = [];
    apply(await secureEcho((socket) => clients.push(socket.alpnProtocol)));
    for (const silenceMs of [0, 120]) {
      const raw = await dial();
      await sleep(silenceMs);
      const own = connectTls({
        socket: raw.socket,
        servername: NAME,
        ca: authority.ca,
        ALPNProtocols: ["mine"],
      });
      await once(own, "secureConnect");
      own.write(SECRET);
      const [answer] = (await once(own, "data")) as [Buffer];
      assert.equal(answer.toString(), SECRET);
      assert.equal(own.authorized, true);
      assert.equal(proxy.open(DownstreamProtocol.tls), 1);
      own.destroy();
      await until("gone", () => proxy.open(DownstreamProtocol.tls) === 0);
    }
  });

  it("has its HTTP/1.1 handled request by request, over TLS", async () => {
    for (const cluster of [ECHO, ""]) {
      await start({ listener: { cluster } });
      const server = createHttpsServer({ cert, key }, (request, response) => {
        const { encrypted } = request.socket as TLSSocket;
        response.end(`${request.url} encrypted ${encrypted}`);
      });
      apply(await listen(server));
      const peer = (await dial()).say(REQUEST);
      await peer.hears(`/${SECRET} encrypted true`);
      peer.close();
      await until("gone", () => proxy.dataPlane.downstreamConnections === 0 && proxy.inFlight === 0);
      if (cluster === "") return;
      for (const close of closing) close();
      await proxy.close();
    }
  });

  it("gets nothing from a client when its certificate is for another name, and the failure is told", async () => {
    await start();
    const heard: string[] = [];
    const port = await secureEcho((socket) => socket.on("data", (octets) => heard.push(octets.toString())));
    for (const [identity, found] of [
      [{ serverName: "other.test" }, "tls_name"],
      [{ subjectAltNames: ["DNS:other.test"] }, "tls_name"],
      [{ ca: new TestAuthority().ca }, "tls_untrusted"],
    ] as const) {
      proxy.dataPlane.setTlsIdentity({ ...IDENTITY, ca: authority.ca, ...identity });
      apply(port);
      const peer = (await dial()).say(SECRET);
      await until("closed", () => peer.closed);
      assert.equal(peer.text, "");
      assert.equal(failures.at(-1)?.reason, found);
      proxy.remove();
    }
    assert.deepEqual(heard, []);
    assert.equal(proxy.refused(PortRefusal.connectFailure), 3);
    const names = ClusterColumn.upstreamTlsFailures + ConnectFailure.name - 1;
    assert.ok(proxy.row()[names]! >= 2);
  });

  describe("an endpoint that records", () => {
    let recorder: TcpBackend;
    before(async () => {
      recorder = await TcpBackend.start();
    });
    after(() => recorder.stop());

    const greets = Buffer.from([0x16, 3, 1]);
    const GRPC_WEB = `POST /a.B/C HTTP/1.1\r\nHost: ${ECHO}\r\nContent-Type: application/grpc-web\r\nContent-Length: 5\r\n\r\n`;
    const BROKEN = `GET /${SECRET} HTTP/1.1\r\n broken\r\n\r\n`;
    type Case = readonly [string, string, LocalProxyOptions["listener"], Partial<Cluster>];
    const cases: readonly Case[] = [
      ["TCP", SECRET, {}, {}],
      ["HTTP/1.1", REQUEST, {}, {}],
      ["HTTP/1.1 by Host", REQUEST, { cluster: "" }, {}],
      ["HTTP/1.1 to a cluster of it", REQUEST, {}, { protocol: "http1" }],
      ["HTTP/1.1 to a cluster of TCP", REQUEST, { cluster: "" }, { protocol: "tcp" }],
      ["HTTP/1.1 declared", REQUEST, { protocol: "http1" }, {}],
      ["HTTP/1.1 that is broken", BROKEN, {}, {}],
      ["gRPC-Web", GRPC_WEB, {}, {}],
      ["gRPC-Web of a cluster of TCP", GRPC_WEB, { cluster: "" }, { protocol: "tcp" }],
      ["CONNECT", `CONNECT ${SECRET}:1 HTTP/1.1\r\n\r\n`, {}, {}],
      ["a tunnel", `CONNECT ${ECHO} HTTP/1.1\r\n\r\n${SECRET}`, { cluster: "" }, {}],
      ["silence", "", {}, {}],
      ["declared TCP", SECRET, { protocol: "tcp" }, {}],
      ["a cluster of TCP", SECRET, {}, { protocol: "tcp" }],
      ["what is declared TLS and is not", SECRET, { protocol: "tls" }, {}],
      ["what is declared TLS and is not, named by Host", REQUEST, { protocol: "tls", cluster: "" }, {}],
      ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", {}, {}],
    ];
    for (const [kind, words, listener, cluster] of cases) {
      for (const tlsIdentity of [1, 7]) {
        const identity = tlsIdentity === 1 ? "" : " without usable certificates";
        it(`hears nothing in clear text of ${kind}${identity}`, async () => {
          await start({ listener: listener ?? {} });
          apply(recorder.port, { ...cluster, tlsIdentity, connectTimeoutMs: 200 });
          const from = recorder.peers.length;
          // The reset of a dial that is bound to fail may come before the client is told that it is connected.
          const peer = await dial().catch(() => undefined);
          if (words !== "") peer?.say(Buffer.from(words, "latin1"));
          // Longer than silence counts, and long enough for a dial.
          await sleep(150);
          peer?.close();
          await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
          for (const { heard, text } of recorder.peers.slice(from)) {
            if (heard.length > 0) assert.deepEqual(heard.subarray(0, 3), greets);
            assert.ok(!text.includes(SECRET));
          }
          if (tlsIdentity === 7) assert.equal(recorder.peers.length, from, "nothing is dialled");
        });
      }
    }

    it("hears nothing in clear text of a client that was silent while the cluster turned to TLS", async () => {
      await start();
      proxy.apply([recorder.port]);
      const peer = await dial();
      await until("TCP", () => proxy.open(DownstreamProtocol.tcp) === 1);
      apply(recorder.port, { connectTimeoutMs: 200 });
      peer.say(SECRET);
      await until("closed", () => peer.closed);
      for (const { text } of recorder.peers) assert.ok(!text.includes(SECRET));
    });
  });
});
