import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import type { AskedAuthorities } from "../../../src/proxy/authorities/asked-authorities.ts";
import { AuthorityState } from "../../../src/proxy/authorities/authority-news.ts";
import { PortRefusal, TunnelResult } from "../../../src/telemetry/port-cell.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { until } from "../fixture/until.ts";
import { LiveRoutes } from "../routes/live-routes.ts";
import { TcpBackend } from "./fixture/tcp-backend.ts";
import { TcpPeer } from "./fixture/tcp-peer.ts";

const WAIT_MS = 300;
const OK = "HTTP/1.1 200 Connection Established\r\n\r\n";
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const ACK = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
/** That of the one cluster. */
const SLOT = 0;

describe("names that a control plane may know, in what is no HTTP/2", () => {
  let proxy: LocalProxy;
  let backend: TcpBackend;
  let asked: AskedAuthorities;
  let options: { waitMs: number; ask: (authority: string) => void };
  let names: string[];
  let peers: TcpPeer[];
  let sweeps: NodeJS.Timeout;

  beforeEach(async () => {
    [names, peers] = [[], []];
    proxy = await LocalProxy.start();
    options = { waitMs: WAIT_MS, ask: (authority) => names.push(authority) };
    asked = proxy.dataPlane.askFor(options);
    sweeps = setInterval(() => asked.sweep(), 50);
    backend = await TcpBackend.echo();
    proxy.apply([backend.port], { name: "canonical:1" });
  });
  afterEach(async () => {
    for (const peer of peers) peer.close();
    await until("connections gone", () => proxy.dataPlane.downstreamConnections === 0);
    clearInterval(sweeps);
    backend.stop();
    await proxy.close();
  });

  async function say(text: string | Buffer): Promise<TcpPeer> {
    const peer = await TcpPeer.connect(proxy.port);
    peers.push(peer);
    return peer.say(text);
  }
  const hasAsked = (name: string) => until(`asked for ${name}`, () => names.includes(name));
  const known = (authority: string) => asked.apply([{ authority, clusterSlot: SLOT }]);

  it("the target of a tunnel is asked for, and the tunnel leads there", async () => {
    const peer = await say(Buffer.concat([Buffer.from("CONNECT Svc.Default:7 HTTP/1.1\r\n\r\n"), PREFACE]));
    await hasAsked("svc.default:7");
    assert.equal(peer.heardOctets, 0);
    known("svc.default:7");
    await until("SETTINGS and ACK", () => peer.heard.includes(ACK));
    assert.ok(peer.text.startsWith(OK));
    assert.equal(proxy.tunnels(TunnelResult.cluster), 1);
    await (await say("CONNECT svc.default:7 HTTP/1.1\r\n\r\n")).hears(OK);
    assert.equal(names.length, 1, "what is known is not asked for");
  });

  it("what no control plane knows is no cluster, and judged as any other target", async () => {
    const peer = await say("CONNECT elsewhere.test:7 HTTP/1.1\r\n\r\n");
    await hasAsked("elsewhere.test:7");
    asked.apply([{ authority: "elsewhere.test:7", clusterSlot: AuthorityState.absent }]);
    await peer.hears("HTTP/1.1 403");
    const silent = await say("CONNECT silent.test:7 HTTP/1.1\r\n\r\n");
    await hasAsked("silent.test:7");
    await silent.hears("HTTP/1.1 403");
  });

  it("a tunnel to a name that has routes goes by what its requests call themselves, and no further tunnel is in it", async () => {
    const raw = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    proxy.apply([raw.port], { name: "grpc:1" });
    await new LiveRoutes(proxy).apply({ authorities: ["svc:7"], clusters: [{ name: "grpc:1", weight: 1 }] });
    const peer = await say(Buffer.concat([Buffer.from("CONNECT svc:7 HTTP/1.1\r\n\r\n"), PREFACE]));
    await hasAsked("svc:7");
    asked.apply([{ authority: "svc:7", clusterSlot: AuthorityState.routed }]);
    await until("SETTINGS and ACK", () => peer.heard.includes(ACK));
    const nested = await say("CONNECT svc:7 HTTP/1.1\r\n\r\nCONNECT svc:7 HTTP/1.1\r\n\r\n");
    await nested.hears("HTTP/1.1 400");
    assert.equal(nested.text.indexOf(OK), 0);
    raw.stop();
  });

  it("the Host of HTTP/1.1 is asked for, and the connection passed on to it with all that it said", async () => {
    const request = "GET / HTTP/1.1\r\nHost: web.default\r\n\r\n";
    const peer = await say(request);
    await hasAsked("web.default");
    peer.say("more");
    await sleep(20);
    known("web.default");
    await peer.hears(`${request}more`);
  });

  it("a Host that does not exist is answered 404, and so is one of which there is no word in time", async () => {
    const absent = await say("GET / HTTP/1.1\r\nHost: nobody.default\r\n\r\n");
    await hasAsked("nobody.default");
    asked.apply([{ authority: "nobody.default", clusterSlot: AuthorityState.absent }]);
    await absent.hears("HTTP/1.1 404");
    const silent = await say("GET / HTTP/1.1\r\nHost: silent.default:8080\r\n\r\n");
    await hasAsked("silent.default:8080");
    await silent.hears("HTTP/1.1 404");
    assert.equal(proxy.refused(PortRefusal.noCluster), 2);
  });

  it("the server name of TLS is asked for with the port of TLS", async () => {
    const client = connectTls({ port: proxy.port, host: "127.0.0.1", servername: "secure.default" });
    client.on("error", () => {});
    await hasAsked("secure.default:443");
    known("secure.default:443");
    await until("the endpoint has it", () => backend.peers.some(({ heardOctets }) => heardOctets > 0));
    assert.equal(backend.peers[0]!.heard[0], 0x16);
    client.destroy();
  });

  it("who leaves while it waits leaves nothing behind, and word for it reaches nobody", async () => {
    const peer = await say("CONNECT left.test:7 HTTP/1.1\r\n\r\n");
    const other = await say("GET / HTTP/1.1\r\nHost: left.test\r\n\r\n");
    await hasAsked("left.test");
    for (const each of [peer, other]) each.close();
    await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
    for (const name of ["left.test:7", "left.test"]) known(name);
    assert.equal(backend.peers.length, 0);
  });

  it("one caller's questions have no more room than its requests", async () => {
    const all = Array.from({ length: 300 }, (_, i) => say(`CONNECT new-${i}.test:7 HTTP/1.1\r\n\r\n`));
    options.waitMs = 60_000;
    await Promise.all(all);
    await until("the others are refused", () => peers.filter((each) => each.heardOctets > 0).length === 44);
    assert.equal(names.length, 256);
    // Who is waited for is not read: that it has gone is seen when the time is over.
    options.waitMs = 0;
  });
});
