import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { PortRefusal, TunnelResult } from "../../../src/telemetry/port-cell.ts";
import { DownstreamProtocol } from "../../../src/telemetry/worker-counters.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import type { LocalProxyOptions } from "../fixture/local-proxy.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "./fixture/tcp-backend.ts";
import { TcpPeer } from "./fixture/tcp-peer.ts";

const NAME = "echo.shop.svc.cluster.local:50051";
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const ACK = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
const OK = "HTTP/1.1 200 Connection Established\r\n\r\n";
const { CI = "" } = process.env;

describe("a tunnel by CONNECT", () => {
  let proxy: LocalProxy;
  let backend: TcpBackend;
  const peers: TcpPeer[] = [];

  async function start(options: LocalProxyOptions = {}): Promise<void> {
    proxy = await LocalProxy.start(options);
    backend = await TcpBackend.start();
    proxy.apply([backend.port], { name: NAME });
  }
  async function ask(target: string, more: string | Buffer = "", fields = ""): Promise<TcpPeer> {
    const peer = await TcpPeer.connect(proxy.port);
    peers.push(peer);
    const head = Buffer.from(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${fields}\r\n`);
    return peer.say(Buffer.concat([head, Buffer.from(more)]));
  }
  beforeEach(() => {
    peers.length = 0;
  });
  afterEach(async () => {
    for (const peer of peers) peer.close();
    await until("connections gone", () => proxy.dataPlane.downstreamConnections === 0);
    backend.stop();
    await proxy.close();
  });

  it("to a cluster terminates HTTP/2, also when the preface comes with the request", async () => {
    await start();
    for (const early of [true, false]) {
      const peer = await ask(NAME, early ? PREFACE : "");
      await peer.hears(OK);
      if (!early) peer.say(PREFACE);
      await until("SETTINGS and ACK", () => peer.heard.includes(ACK));
      assert.equal(peer.text.indexOf(OK), 0);
      peer.close();
      await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
    }
    assert.equal(proxy.tunnels(TunnelResult.cluster), 2);
    assert.equal(backend.peers.length, 0);
  });

  it("carries grpc-js calls by http_proxy, whose authority is not looked at", async () => {
    await start();
    const grpc = await GrpcBackend.start();
    proxy.apply([grpc.port], { name: NAME });
    const { proxiedCall } = await import("./fixture/proxied-call.ts");
    for (const variable of ["grpc_proxy", "http_proxy"]) {
      assert.deepEqual(await proxiedCall(variable, proxy.port, "echo.shop:50051"), {
        code: 0,
        body: "hello",
      });
    }
    assert.equal(grpc.lastHost, "echo.shop:50051");
    assert.equal(proxy.tunnels(TunnelResult.cluster), 2);
    grpc.stop();
  });

  it("to a cluster passes TLS on unread, and what is neither as TCP, also if the server speaks first", async () => {
    await start();
    for (const words of ["\x16\x03\x01\x02\x00hello", "anything\n"]) {
      const before = backend.peers.length;
      const peer = await ask(NAME, Buffer.from(words, "latin1"));
      await peer.hears(OK);
      await until("dialled", () => backend.peers.length > before);
      await backend.peers.at(-1)!.hears(words);
    }
    assert.equal(proxy.open(DownstreamProtocol.tls), 1);
    assert.equal(proxy.open(DownstreamProtocol.tcp), 1);
    const silent = await ask(NAME);
    await silent.hears(OK);
    await until("dialled", () => backend.peers.length === 3);
    backend.peers[2]!.say("220 ready");
    await silent.hears("220 ready");
    const nested = await ask(NAME, "CONNECT other:1 HTTP/1.1\r\nhost: other\r\n\r\n");
    await nested.hears(OK);
    await until("dialled", () => backend.peers.length === 4);
    await backend.peers[3]!.hears("CONNECT other:1");
  });

  it("finds a cluster by its name, whatever the case, or by labels that only one has", async () => {
    await start();
    proxy.apply([backend.port], { name: "echo.other.svc.cluster.local:50052" });
    proxy.apply([backend.port], { name: "twin.a.svc.cluster.local:1" });
    proxy.apply([backend.port], { name: "twin.b.svc.cluster.local:1" });
    proxy.apply([backend.port], { name: "portless.test" });
    for (const target of [
      NAME.toUpperCase(),
      "echo.shop.svc.cluster.local.:50051",
      "echo:50051",
      "echo.shop:50051",
      "Echo:50052",
      "echo.other:50052",
      "twin.a:1",
      "portless.test:443",
      "portless:9",
    ]) {
      await (await ask(target)).hears(OK);
    }
    for (const target of ["echo:50053", "twin:1", "twin.c:1", "echo.shop.svc:50051", "shop:50051"]) {
      const peer = await ask(target);
      await peer.hears("HTTP/1.1 403 Forbidden");
      await peer.isClosed();
    }
    assert.equal(proxy.tunnels(TunnelResult.notAllowed), 5);
  });

  it("leads nowhere else unless that is configured, and never to the node's own affairs", async () => {
    await start({ listener: { connect: { allowedTargets: ["*"], deniedRanges: ["203.0.113.0/24"] } } });
    const admin = await TcpBackend.start((peer) => peer.say("admin secrets"));
    const { port } = admin;
    for (const [target, result] of [
      [`127.0.0.1:${port}`, TunnelResult.forbidden],
      [`127.1.2.3:${port}`, TunnelResult.forbidden],
      [`0.0.0.0:${port}`, TunnelResult.forbidden],
      [`[::1]:${port}`, TunnelResult.forbidden],
      [`[::]:${port}`, TunnelResult.forbidden],
      [`[::ffff:127.0.0.1]:${port}`, TunnelResult.forbidden],
      [`[::ffff:7f00:1]:${port}`, TunnelResult.forbidden],
      [`[64:ff9b::127.0.0.1]:${port}`, TunnelResult.forbidden],
      ["169.254.169.254:80", TunnelResult.forbidden],
      ["[fd00:ec2::254]:80", TunnelResult.forbidden],
      [`localhost:${port}`, TunnelResult.notAllowed],
      [`LocalHost.:${port}`, TunnelResult.notAllowed],
      ["203.0.113.1:80", TunnelResult.deniedRange],
    ] as const) {
      const before = proxy.tunnels(result);
      const peer = await ask(target, "GET / HTTP/1.1\r\n\r\n");
      await peer.hears("HTTP/1.1 403 Forbidden");
      await peer.isClosed();
      assert.equal(proxy.tunnels(result), before + 1, target);
    }
    for (const target of [
      `2130706433:${port}`,
      `0x7f000001:${port}`,
      `017700000001:${port}`,
      `127.1:${port}`,
      `0177.0.0.1:${port}`,
      "no-port.test",
      "a:0",
      "a:99999",
      "http://a.test/",
      "/",
      `[127.0.0.1]:${port}`,
      `user@127.0.0.1:${port}`,
    ]) {
      const peer = await ask(target);
      await peer.hears("HTTP/1.1 400");
    }
    assert.equal(proxy.tunnels(TunnelResult.malformed), 12);
    assert.equal(admin.peers.length, 0, "nobody reached it");
    admin.stop();
  });

  it("to a name dials the address that was checked, and no name leads to what no address may", async () => {
    const answers: Record<string, string[]> = {
      "rebound.test": ["127.0.0.1"],
      "mixed.test": ["203.0.113.5", "127.0.0.1"],
      "metadata.test": ["169.254.169.254"],
      "mapped.test": ["::ffff:127.0.0.1"],
      "nobody.test": [],
    };
    let asked = 0;
    const lookupTarget = async (host: string): Promise<readonly string[]> => {
      asked++;
      return answers[host]!;
    };
    const connect = { allowedTargets: ["*.test"], deniedRanges: [] };
    await start({ listener: { connect }, port: { lookupTarget } });
    for (const host of ["rebound.test", "mixed.test", "metadata.test", "mapped.test"]) {
      await (await ask(`${host}:80`)).hears("HTTP/1.1 403");
    }
    await (await ask("nobody.test:80")).hears("HTTP/1.1 502");
    await (await ask("not.allowed:80")).hears("HTTP/1.1 403");
    assert.equal(asked, 5, "once each, and never for what is not allowed");
    assert.equal(proxy.tunnels(TunnelResult.forbidden), 4);
    assert.equal(proxy.tunnels(TunnelResult.unresolved), 1);
  });

  it("lookups are bounded, so that callers cannot pile them up", async () => {
    const release: (() => void)[] = [];
    const lookupTarget = (): Promise<readonly string[]> =>
      new Promise((resolve) => release.push(() => resolve([])));
    const connect = { allowedTargets: ["*.test"], deniedRanges: [] };
    await start({ listener: { connect }, port: { lookupTarget } });
    for (let i = 0; i < 64; i++) await ask(`n${i}.test:80`);
    await until("64 lookups", () => release.length === 64);
    await (await ask("one-more.test:80")).hears("HTTP/1.1 503");
    assert.equal(proxy.tunnels(TunnelResult.busy), 1);
    peers[0]!.close();
    for (const each of release) each();
    await peers[1]!.hears("HTTP/1.1 502");
  });

  it("wants a valid head of bounded length", async () => {
    await start();
    await (await ask(NAME, "", "content-length: 5\r\n")).hears("HTTP/1.1 400");
    await (await ask(NAME, "", "transfer-encoding: chunked\r\n")).hears("HTTP/1.1 400");
    await (await ask(NAME, "", "bad field\r\n")).hears("HTTP/1.1 400");
    const large = await TcpPeer.connect(proxy.port);
    peers.push(large.say(`CONNECT ${NAME} HTTP/1.1\r\nx: ${"y".repeat(9000)}`));
    await large.hears("HTTP/1.1 431");
  });

  it("on a listener with a cluster is a request like any other, for the service behind it", async () => {
    await start({ listener: { cluster: NAME } });
    const peer = await ask("127.0.0.1:1");
    await until("dialled", () => backend.peers.length === 1);
    await backend.peers[0]!.hears("CONNECT 127.0.0.1:1 HTTP/1.1\r\n");
    backend.peers[0]!.say("HTTP/1.1 200 by a proxy of its own\r\n\r\n");
    await peer.hears("by a proxy of its own");
  });

  it("reaches an allowed target and passes on what it says", { skip: cannotMakeNamespace() }, async () => {
    await start();
    const child = fileURLToPath(new URL("./fixture/foreign-target-child.ts", import.meta.url));
    const script = `ip link set lo up && ip route add local 203.0.113.0/24 dev lo && exec "$0" "$1"`;
    const args = ["-Urn", "sh", "-c", script, process.execPath, child];
    const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 30_000 });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /reached by address and by name/);
  });

  it("sources outside the ranges are closed before an octet is read", async () => {
    await start({ listener: { allowedSources: ["10.0.0.0/8"] } });
    const reached = await TcpPeer.connect(proxy.port).then(
      async (peer) => {
        await peer.isClosed();
        return peer.text;
      },
      () => "",
    );
    assert.equal(reached, "");
    await until("counted", () => proxy.refused(PortRefusal.source) === 1);
  });
});

function cannotMakeNamespace(): string | false {
  const made = spawnSync("unshare", ["-Urn", "sh", "-c", "ip link set lo up && ip route show"], {
    encoding: "utf8",
  });
  if (made.status === 0 || CI !== "") return false;
  return `no network namespace of its own: ${made.stderr || made.error?.message}`;
}
