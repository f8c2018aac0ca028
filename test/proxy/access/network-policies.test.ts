import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  AccessPolicy,
  CallerAccess,
  ServiceAccess,
} from "../../../src/resource/access/access-policy.ts";
import type { Caller } from "../../../src/resource/caller.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { RouteCell } from "../../../src/telemetry/route-counters.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "../port/fixture/tcp-backend.ts";
import { TcpPeer } from "../port/fixture/tcp-peer.ts";
import { LiveRoutes } from "../routes/live-routes.ts";

/** Loopback leads to this machine as a whole, as the ranges of a node do. */
const ANY_IP = { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" };
const ECHO = "echo.default:50051";
const ECHO_ADDRESS = "127.18.0.1";
const DOOR = "127.18.255.1";
const [FRONT, BACK] = ["127.0.1.5", "127.0.1.6"];
/** A gRPC message without octets. */
const MESSAGE = Buffer.alloc(5);

function pod(name: string, address: string, access?: CallerAccess): Caller {
  const rest = { serviceAccount: "default", workload: "", failClosed: false, reclaim: true } as const;
  return {
    uid: name,
    namespace: "default",
    pod: name,
    addresses: [address],
    mode: "transparent",
    ...rest,
    access,
  };
}

function labelled(app: string, ...egress: AccessPolicy[]): CallerAccess {
  return { labels: { app }, namespaceLabels: {}, egress };
}

/** Lets in Pods of one label, or addresses. */
function lets(name: string, peer: { app: string } | { cidr: string }): AccessPolicy {
  const peers =
    "app" in peer
      ? [{ podSelector: { matchLabels: { app: peer.app }, matchExpressions: [] } }]
      : [{ ipBlock: { cidr: peer.cidr, except: [] } }];
  return { name: `default/${name}`, namespace: "default", rules: [{ peers, ports: [] }] };
}

/** @param selecting by class of endpoints: the policies that select them. */
function access(
  policies: readonly AccessPolicy[],
  selecting: readonly number[][],
  members = {},
): ServiceAccess {
  return {
    ingress: policies,
    classes: selecting.map((ingress) => ({ namespace: "default", labels: {}, namespaceLabels: {}, ingress })),
    members,
    portNames: [],
  };
}

describe("NetworkPolicies in the data path", () => {
  let proxy: LocalProxy;
  let one: GrpcBackend;
  let two: GrpcBackend;
  const clients: RawClient[] = [];
  const peers: TcpPeer[] = [];
  const backends: TcpBackend[] = [];

  beforeEach(async () => {
    clients.length = peers.length = backends.length = 0;
    proxy = await LocalProxy.start({ anyIp: ANY_IP });
    one = await GrpcBackend.start();
    two = await GrpcBackend.start();
    proxy.dataPlane.reception.applyServices({ added: [{ number: 1, service: ECHO }], removed: [] });
    callers();
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    for (const peer of peers) peer.close();
    for (const backend of backends) backend.stop();
    await until("connections gone", () => proxy.dataPlane.downstreamConnections === 0);
    proxy.dataPlane.reception.applyServices({ added: [], removed: [1] });
    proxy.applyCallers([]);
    await one.stop();
    await two.stop();
    await proxy.close();
  });

  function callers(...egress: AccessPolicy[]): void {
    proxy.applyCallers([
      pod("front", FRONT, labelled("front", ...egress)),
      pod("back", BACK, labelled("back")),
    ]);
  }
  function serve(of: ServiceAccess | null): void {
    proxy.apply([one.port, two.port], { name: ECHO, settings: clusterSettings({ access: of }) });
  }
  function client(localAddress: string, host = ECHO_ADDRESS): RawClient {
    const made = new RawClient(proxy.port, {}, localAddress, host);
    clients.push(made);
    return made;
  }

  it("let a caller connect that they allow, and refuse another one by the policy's name", async () => {
    serve(access([lets("only-front", { app: "front" })], [[0]]));
    const allowed = client(FRONT);
    for (let i = 0; i < 10; i++) assert.equal((await allowed.call(MESSAGE)).status, 0);
    const refused = await client(BACK).call(MESSAGE);
    assert.equal(refused.status, 7);
    assert.match(
      refused.message ?? "",
      /NetworkPolicy.*does not let.*echo\.default:50051 \(default\/only-front\)/,
    );
    assert.equal(one.calls + two.calls, 10);
  });

  it("hold in the mode that names its service itself, too", async () => {
    serve(access([lets("only-front", { app: "front" })], [[0]]));
    const headers = { ":authority": ECHO };
    assert.equal((await client(FRONT, DOOR).call(MESSAGE, headers)).status, 0);
    assert.equal((await client(BACK, DOOR).call(MESSAGE, headers)).status, 7);
  });

  it("pick among the endpoints that a caller may have, where it may have some", async () => {
    // Both backends have one address here, so that ports tell them apart.
    const rule = { peers: [], ports: [{ protocol: "TCP", port: two.port }] };
    serve(access([{ name: "default/two", namespace: "default", rules: [rule] }], [[0]]));
    const some = client(FRONT);
    for (let i = 0; i < 12; i++) assert.equal((await some.call(MESSAGE)).status, 0);
    assert.deepEqual([one.calls, two.calls], [0, 12]);
  });

  it("hold from the moment they change, on connections that stand", async () => {
    serve(null);
    const standing = client(BACK);
    assert.equal((await standing.call(MESSAGE)).status, 0);
    serve(access([lets("only-front", { app: "front" })], [[0]]));
    assert.equal((await standing.call(MESSAGE)).status, 7);
    serve(access([lets("only-front", { app: "front" }), lets("both", { cidr: "127.0.1.0/24" })], [[0, 1]]));
    assert.equal((await standing.call(MESSAGE)).status, 0, "policies add up");
    serve(null);
    assert.equal((await standing.call(MESSAGE)).status, 0);
  });

  it("hold for the caller as well: what selects it for egress, until that is taken away", async () => {
    serve(null);
    const standing = client(FRONT);
    callers(lets("nowhere", { cidr: "192.0.2.0/24" }));
    const refused = await standing.call(MESSAGE);
    assert.equal(refused.status, 7);
    assert.match(refused.message ?? "", /default\/nowhere/);
    assert.equal((await client(BACK).call(MESSAGE)).status, 0);
    callers(lets("loopback", { cidr: "127.0.0.0/8" }));
    assert.equal((await standing.call(MESSAGE)).status, 0);
    callers();
    assert.equal((await standing.call(MESSAGE)).status, 0);
  });

  it("leave of the endpoints that a route asks for those that the caller may have", async () => {
    const rule = { peers: [], ports: [{ protocol: "TCP", port: two.port }] };
    const settings = clusterSettings({
      access: access([{ name: "default/two", namespace: "default", rules: [rule] }], [[0]]),
    });
    const labels = { version: "canary" };
    const routes = new LiveRoutes(proxy);
    const endpoints = { labels, fromHeaders: {}, fallback: "fail" } as const;
    proxy.apply([{ port: one.port, labels }, two.port], { name: ECHO, settings });
    await routes.apply({ authorities: [ECHO], endpoints });
    const refused = await client(FRONT).call(MESSAGE);
    assert.equal(refused.status, 14, "the only canary is not for this caller");
    proxy.apply(
      [
        { port: one.port, labels },
        { port: two.port, labels },
      ],
      { name: ECHO, settings },
    );
    for (let i = 0; i < 8; i++) assert.equal((await client(FRONT).call(MESSAGE)).status, 0);
    assert.deepEqual([one.calls, two.calls], [0, 8]);
  });

  it("keep copies of requests, too, from where the caller may not connect to", async () => {
    const shadow = "shadow.default:1";
    const closed = clusterSettings({ access: access([lets("shadow", { app: "back" })], [[0]]) });
    proxy.apply([one.port], { name: ECHO });
    proxy.apply([two.port], { name: shadow, settings: closed });
    const routes = new LiveRoutes(proxy);
    const limits = { maxRequests: 100, maxPerSecond: 100_000, maxBodyOctets: 65_536, timeoutMs: 30_000 };
    await routes.apply({ authorities: [ECHO], mirror: { cluster: shadow, percent: 100, ...limits } });
    for (let i = 0; i < 10; i++) assert.equal((await client(FRONT).call(MESSAGE)).status, 0);
    assert.equal(routes.count(RouteCell.mirrorsDropped), 10);
    const allowed = client(BACK);
    for (let i = 0; two.calls === 0; i++) {
      assert.ok(i < 200, "no copy has come");
      assert.equal((await allowed.call(MESSAGE)).status, 0);
      await sleep(5);
    }
  });

  it("keep connections that are passed on from endpoints as well", async () => {
    const backend = await TcpBackend.start();
    backends.push(backend);
    const of = access([lets("only-front", { app: "front" })], [[0]]);
    proxy.apply([backend.port], { name: ECHO, settings: clusterSettings({ access: of }) });
    const connect = async (localAddress: string): Promise<TcpPeer> => {
      const peer = await TcpPeer.connect({ host: ECHO_ADDRESS, port: proxy.port, localAddress });
      peers.push(peer);
      peer.say("GET / HTTP/1.1\r\nhost: echo\r\n\r\n");
      return peer;
    };
    await (await connect(BACK)).isClosed();
    assert.equal(backend.peers.length, 0);
    await connect(FRONT);
    await until("the one that may", () => backend.peers.length === 1);
  });
});
