import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AskedAuthorities } from "../../../src/proxy/authorities/asked-authorities.ts";
import { AuthorityState } from "../../../src/proxy/authorities/authority-news.ts";
import { CANARY_CLUSTER } from "../../../src/proxy/callers/capture-listener.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { PortRefusal, TunnelResult } from "../../../src/telemetry/port-cell.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "../port/fixture/tcp-backend.ts";
import { TcpPeer } from "../port/fixture/tcp-peer.ts";
import { callingPod as pod } from "./fixture/calling-pod.ts";

/** Loopback leads to this machine as a whole, as the ranges of a node do. */
const ANY_IP = { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" };
const ECHO = "echo.default:50051";
const OTHER = "echo.other:50051";
const LATE = "late.default:50051";
const [ECHO_ADDRESS, LATE_ADDRESS] = ["127.18.0.1", "127.18.0.2"];
const DOOR = "127.18.255.1";
const CANARY = "127.18.255.2";
const [POD, NEIGHBOUR, NOBODY] = ["127.0.1.5", "127.0.1.6", "127.0.1.9"];
/** A gRPC message without octets. */
const MESSAGE = Buffer.alloc(5);
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

describe("connections that are captured", () => {
  let proxy: LocalProxy;
  let echo: GrpcBackend;
  let other: GrpcBackend;
  let asked: AskedAuthorities;
  const names: string[] = [];
  const strangers: string[] = [];
  const clients: RawClient[] = [];
  const peers: TcpPeer[] = [];
  let sweeps: NodeJS.Timeout;

  beforeEach(async () => {
    names.length = strangers.length = clients.length = peers.length = 0;
    proxy = await LocalProxy.start({ anyIp: ANY_IP, onUnknownCaller: (address) => strangers.push(address) });
    [echo, other] = [await GrpcBackend.start(), await GrpcBackend.start()];
    asked = proxy.dataPlane.askFor({ waitMs: 500, ask: (name) => names.push(name) });
    sweeps = setInterval(() => asked.sweep(), 50);
    proxy.apply([echo.port], { name: ECHO });
    proxy.apply([other.port], { name: OTHER });
    proxy.dataPlane.reception.applyServices({
      added: [
        { number: 1, service: ECHO },
        { number: 2, service: LATE },
      ],
      removed: [],
    });
    proxy.applyCallers([pod("u1", "default", POD), pod("u2", "other", NEIGHBOUR)]);
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    for (const peer of peers) peer.close();
    await until("connections gone", () => proxy.dataPlane.downstreamConnections === 0);
    proxy.dataPlane.reception.applyServices({ added: [], removed: [1, 2] });
    proxy.applyCallers([]);
    clearInterval(sweeps);
    await echo.stop();
    await other.stop();
    await proxy.close();
  });

  function client(host: string, localAddress = POD): RawClient {
    const made = new RawClient(proxy.port, {}, localAddress, host);
    clients.push(made);
    return made;
  }
  async function peer(host: string, localAddress = POD): Promise<TcpPeer> {
    const made = await TcpPeer.connect({ host, port: proxy.port, localAddress });
    peers.push(made);
    return made;
  }

  it("are counted as channels of their pod's namespace while they are open", async () => {
    const one = client(ECHO_ADDRESS);
    await one.call(MESSAGE, { ":authority": ECHO });
    await client(ECHO_ADDRESS).call(MESSAGE, { ":authority": ECHO });
    await client(ECHO_ADDRESS, NEIGHBOUR).call(MESSAGE, { ":authority": ECHO });
    assert.deepEqual([proxy.channelsOf("default"), proxy.channelsOf("other")], [2, 1]);
    one.close();
    await until("one channel gone", () => proxy.channelsOf("default") === 1);
    // Whose connection it is stays as it was, also when its pod is not known any more.
    proxy.applyCallers([]);
    for (const each of clients) each.close();
    await until("all channels gone", () => proxy.channelsOf("default") + proxy.channelsOf("other") === 0);
  });

  it("go to the service of the address, whatever authority they name, which passes unchanged", async () => {
    const one = client(ECHO_ADDRESS);
    for (const authority of [ECHO, OTHER, "foreign.example:1", "10.1.2.3", "[fd00::1]:50051", "localhost"]) {
      const { status } = await one.call(MESSAGE, { ":authority": authority });
      assert.equal(status, 0, authority);
      assert.equal(echo.lastHost, authority);
    }
    assert.equal(other.calls, 0);
    assert.deepEqual(names, []);
  });

  it("go there without any authority, too; of an empty one the endpoint thinks what it thinks without a proxy", async () => {
    const one = client(ECHO_ADDRESS);
    const { status } = await one.call(MESSAGE, { ":authority": undefined, host: OTHER });
    assert.equal(status, 0);
    assert.equal(echo.calls, 1);
    // Node's server resets the stream, and so does the proxy.
    assert.equal((await one.call(MESSAGE, { ":authority": "" })).status, 13);
    assert.deepEqual([other.calls, names.length], [0, 0]);
  });

  it("of HTTP/1.1, TLS and CONNECT are not led elsewhere by the name in them", async () => {
    for (const said of [
      `CONNECT ${OTHER} HTTP/1.1\r\nhost: ${OTHER}\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: ${OTHER}\r\n\r\n`,
    ]) {
      const one = await peer(ECHO_ADDRESS);
      one.say(said);
      // Passed on to the service itself, which speaks HTTP/2 only.
      await one.isClosed();
    }
    assert.equal(other.calls, 0);
    assert.equal(proxy.tunnels(TunnelResult.cluster), 0);
  });

  it("wait for word of a service that nobody has called yet, and of a service that is forgotten meanwhile", async () => {
    const late = client(LATE_ADDRESS);
    const call = late.call(MESSAGE);
    await until("asked", () => names.includes(LATE));
    const { snapshot } = proxy.apply([other.port], { name: LATE });
    asked.apply([{ authority: LATE, clusterSlot: snapshot.clusterSlot }]);
    assert.equal((await call).status, 0);
    assert.equal(other.calls, 1);

    asked.apply([{ authority: LATE, clusterSlot: AuthorityState.forgotten }]);
    proxy.remove(LATE);
    const again = late.call(MESSAGE);
    await until("asked again", () => names.length === 2);
    const renewed = proxy.apply([other.port], { name: LATE });
    asked.apply([{ authority: LATE, clusterSlot: renewed.snapshot.clusterSlot }]);
    assert.equal((await again).status, 0);
  });

  it("are given up when there is no such service", async () => {
    const call = client(LATE_ADDRESS).call(MESSAGE);
    await until("asked", () => names.includes(LATE));
    asked.apply([{ authority: LATE, clusterSlot: AuthorityState.absent }]);
    assert.equal((await call).status, 12);
    const plain = await peer(LATE_ADDRESS);
    plain.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await plain.isClosed();
    assert.ok(proxy.refused(PortRefusal.noCluster) > 0);
  });

  it("of a service that is not captured any more are taken as long as the kernel may lead some here, and asked to go then", async () => {
    const before = client(ECHO_ADDRESS);
    assert.equal((await before.call(MESSAGE)).status, 0);
    proxy.dataPlane.reception.applyServices({ added: [], removed: [1] });
    const after = client(ECHO_ADDRESS);
    assert.equal((await after.call(MESSAGE)).status, 0);
    const isRefused = async (): Promise<boolean> => {
      (await peer(ECHO_ADDRESS).catch(() => undefined))?.close();
      await sleep(100);
      return proxy.refused(PortRefusal.notCaptured) > 0;
    };
    await until("later ones are closed", isRefused, { limitMs: 10_000 });
    await until("both were asked to go", () => before.goaway === 0 && after.goaway === 0);
  });

  it("to an address of no service are closed, and those to addresses outside the ranges", async () => {
    // They are reset, perhaps before it is known that they stood.
    for (const host of ["127.18.0.9", "127.0.0.1"]) await peer(host).catch(() => {});
    await until("both refused", () => proxy.refused(PortRefusal.notCaptured) === 2);
  });

  it("whose server speaks first, or that stay silent, are passed on within 50 ms", async () => {
    const greeting = await TcpBackend.start(({ socket }) => void socket.write("hello"));
    const { snapshot } = proxy.apply([greeting.port], { name: LATE });
    asked.apply([{ authority: LATE, clusterSlot: snapshot.clusterSlot }]);
    // Of several: the machine may pause during one.
    let leastMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const startMs = performance.now();
      const one = await peer(LATE_ADDRESS);
      await one.hears("hello");
      leastMs = Math.min(leastMs, one.firstMs - startMs);
    }
    assert.ok(leastMs < 50, `the greeting came after ${leastMs} ms`);
    await until("the endpoint has the connections", () => greeting.peers.length === 5);
    for (const one of peers) one.close();
    greeting.stop();
    asked.apply([{ authority: LATE, clusterSlot: AuthorityState.forgotten }]);
  });

  describe("by their source", () => {
    it("are let in from pods of this node only; others are closed within a second or so, and told of", async () => {
      const stranger = await peer(ECHO_ADDRESS, NOBODY);
      stranger.say(PREFACE);
      await stranger.isClosed();
      assert.equal(stranger.heardOctets, 0);
      assert.equal(proxy.refused(PortRefusal.unknownCaller), 1);
      assert.deepEqual(strangers, [NOBODY]);
      const door = await peer(DOOR, NOBODY);
      await door.isClosed();
      assert.equal(proxy.refused(PortRefusal.unknownCaller), 2);
      assert.deepEqual(strangers, [NOBODY], "the log has a line every now and then, not one for each");
    });

    it("wait for word of a pod that is new", async () => {
      const call = client(ECHO_ADDRESS, NOBODY).call(MESSAGE);
      await until("arrived", () => proxy.dataPlane.downstreamConnections === 0);
      proxy.applyCallers([pod("u1", "default", POD), pod("u3", "default", NOBODY)]);
      assert.equal((await call).status, 0);
    });

    it("belong to the pod that had the address then: a later owner within the second is another caller", async () => {
      const old = client(ECHO_ADDRESS);
      assert.equal((await old.call(MESSAGE)).status, 0);
      const lost = new Promise((resolve) => old.session.on("close", resolve));
      // The pod is gone, and its address has another owner at once.
      proxy.applyCallers([]);
      proxy.applyCallers([pod("u9", "other", POD)]);
      proxy.applyCallers([pod("u9", "other", POD), pod("u2", "other", NEIGHBOUR)]);
      assert.equal((await client(DOOR).call(MESSAGE, { ":authority": "echo:50051" })).status, 0);
      assert.equal(other.calls, 1, "the namespace of the new owner counts");
      const direct = [pod("u1", "default", POD)];
      proxy.applyCallers(direct);
      old.close();
      await lost;
    });

    it("are cut off when the address turns out to be another pod's", async () => {
      const old = client(ECHO_ADDRESS);
      assert.equal((await old.call(MESSAGE)).status, 0);
      const lost = new Promise((resolve) => old.session.on("close", resolve));
      proxy.applyCallers([pod("u9", "other", POD)]);
      await lost;
      assert.equal(proxy.dataPlane.downstreamConnections, 0);
    });
  });

  describe("at the node's own address", () => {
    it("name their service: in full, with its namespace, or by one label that is the caller's namespace's", async () => {
      for (const [address, backend] of [
        [POD, echo],
        [NEIGHBOUR, other],
      ] as const) {
        const { status } = await client(DOOR, address).call(MESSAGE, { ":authority": "Echo:50051" });
        assert.equal(status, 0);
        assert.equal(backend.lastHost, "Echo:50051");
      }
      const one = client(DOOR);
      for (let i = 0; i < 3; i++) {
        assert.equal((await one.call(MESSAGE, { ":authority": OTHER })).status, 0);
        assert.equal((await one.call(MESSAGE, { ":authority": "echo:50051" })).status, 0);
      }
      assert.deepEqual([echo.calls, other.calls], [4, 4]);
    });

    it("ask for the full name of a service that is not known", async () => {
      const call = client(DOOR).call(MESSAGE, { ":authority": "late:50051" });
      await until("asked", () => names.includes(LATE));
      const { snapshot } = proxy.apply([other.port], { name: LATE });
      asked.apply([{ authority: LATE, clusterSlot: snapshot.clusterSlot }]);
      assert.equal((await call).status, 0);
    });

    it("may be tunnels, with short names as well", async () => {
      for (const address of [POD, NEIGHBOUR]) {
        const one = await peer(DOOR, address);
        one.say(`CONNECT echo:50051 HTTP/1.1\r\nhost: echo:50051\r\n\r\n`);
        await one.hears("HTTP/1.1 200");
        one.say(PREFACE);
        await until("SETTINGS", () => one.heardOctets > 60);
      }
      assert.equal(proxy.tunnels(TunnelResult.cluster), 2);
    });

    it("tell a pod who it is", async () => {
      const ask = async (): Promise<object> => {
        const one = await peer(DOOR);
        one.say("GET /isobar/caller HTTP/1.1\r\nhost: isobar\r\n\r\n");
        await one.isClosed();
        return JSON.parse(one.text.slice(one.text.indexOf("\r\n\r\n"))) as object;
      };
      const known = {
        known: true,
        mode: "transparent",
        uid: "u1",
        namespace: "default",
        pod: "u1",
        serviceAccount: "default",
      };
      assert.deepEqual(await ask(), { ...known, captured: false });
      proxy.dataPlane.reception.planInForce();
      assert.deepEqual(await ask(), { ...known, captured: true });
    });
  });

  describe("canaries", () => {
    it("take the way of every request, and say which worker it was; nobody but this machine has them", async () => {
      proxy.apply([echo.port], { name: CANARY_CLUSTER });
      const canary = client(CANARY, CANARY);
      const { status } = await canary.call(MESSAGE, {
        ":authority": "anything",
        "x-isobar-nonce": "7",
      });
      assert.equal(status, 0);
      assert.deepEqual(echo.metadata.get("x-isobar-worker"), ["0"]);
      assert.equal(proxy.dataPlane.reception.canaryRequests, 1);
      assert.deepEqual(echo.metadata.get("x-isobar-nonce"), ["7"]);
      await peer(CANARY, POD).catch(() => {});
      await until("refused", () => proxy.refused(PortRefusal.notCaptured) === 1);
    });

    it("stand while the proxy leaves", async () => {
      proxy.apply([echo.port], { name: CANARY_CLUSTER });
      const [canary, user] = [client(CANARY, CANARY), client(ECHO_ADDRESS)];
      assert.deepEqual([(await canary.call(MESSAGE)).status, (await user.call(MESSAGE)).status], [0, 0]);
      proxy.dataPlane.drain();
      await until("the client was asked to go", () => user.goaway === 0);
      assert.equal((await canary.call(MESSAGE)).status, 0);
      assert.equal(canary.goaway, -1);
      assert.equal(proxy.dataPlane.reception.canaries, 1);
    });
  });

  it("of two namespaces never share a connection to an endpoint; when the last pod of one has gone, its connections close", async () => {
    const open = () => proxy.row(ECHO)[ClusterColumn.upstreamConnections];
    const [one, same, foreign] = [
      client(ECHO_ADDRESS),
      client(ECHO_ADDRESS),
      client(ECHO_ADDRESS, NEIGHBOUR),
    ];
    for (const each of [one, same, one]) assert.equal((await each.call(MESSAGE)).status, 0);
    assert.equal(open(), 1);
    for (let i = 0; i < 3; i++) assert.equal((await foreign.call(MESSAGE)).status, 0);
    assert.equal(open(), 2);
    assert.equal((await Promise.all([one, foreign, same].map((each) => each.call(MESSAGE)))).length, 3);
    assert.equal(open(), 2);
    foreign.close();
    proxy.applyCallers([pod("u1", "default", POD)]);
    await until("one is left", () => open() === 1);
    assert.equal((await one.call(MESSAGE)).status, 0);
    proxy.applyCallers([pod("u1", "default", POD), pod("u4", "third", NEIGHBOUR)]);
    assert.equal((await client(ECHO_ADDRESS, NEIGHBOUR).call(MESSAGE)).status, 0);
    assert.equal(open(), 2);
  });

  it("are counted by the namespace of who called, as long as the process lives", async () => {
    for (const address of [POD, POD, NEIGHBOUR])
      assert.equal((await client(ECHO_ADDRESS, address).call(MESSAGE)).status, 0);
    assert.deepEqual(proxy.bySource(ECHO), { "default 0/-": 2, "other 0/-": 1 });
    for (const each of clients.splice(0)) each.close();
    await proxy.settled();
    // The class of the namespace that left is another's now, its number is not.
    proxy.applyCallers([pod("u8", "late", POD)]);
    assert.equal((await client(ECHO_ADDRESS).call(MESSAGE)).status, 0);
    assert.deepEqual(proxy.bySource(ECHO), { "default 0/-": 2, "other 0/-": 1, "late 0/-": 1 });
    assert.equal(proxy.finished(0, 0, ECHO), 4);
  });

  it("are in the access log with the pod that called", async () => {
    const { accessLog } = proxy.dataPlane;
    accessLog.enabled = true;
    assert.equal((await client(ECHO_ADDRESS, NEIGHBOUR).call(MESSAGE)).status, 0);
    let text = "";
    await until("a line", () => {
      text += Buffer.from(accessLog.take()?.octets ?? []).toString();
      return text !== "";
    });
    const { src_namespace, src_pod, src_uid, src_service_account } = JSON.parse(text) as Record<
      string,
      string
    >;
    assert.deepEqual(
      [src_namespace, src_pod, src_uid, src_service_account],
      ["other", "u2", "u2", "default"],
    );
  });

  it("of a pod that is captured no more are asked to go, and lose nothing", async () => {
    const one = client(ECHO_ADDRESS);
    assert.equal((await one.call(MESSAGE)).status, 0);
    proxy.applyCallers([{ ...pod("u1", "default", POD), mode: "off" }]);
    const late = client(ECHO_ADDRESS);
    for (const each of [one, late]) assert.equal((await each.call(MESSAGE)).status, 0);
    await until("both were asked to go", () => one.goaway === 0 && late.goaway === 0, { limitMs: 10_000 });
  });
});
