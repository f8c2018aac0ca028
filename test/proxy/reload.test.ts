import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, describe, it } from "node:test";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { GrpcBackend } from "./fixture/grpc-backend.ts";
import { GrpcClient } from "./fixture/grpc-client.ts";
import { ECHO, LocalProxy } from "./fixture/local-proxy.ts";
import { RawBackend, setting } from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

describe("updates of clusters", () => {
  let proxy: LocalProxy;
  let client: GrpcClient;
  let raw: RawClient;
  const backends: { stop(): void }[] = [];
  const grpcBackend = async (): Promise<GrpcBackend> => {
    const backend = await GrpcBackend.start();
    backends.push(backend);
    return backend;
  };

  before(async () => {
    proxy = await LocalProxy.start();
    client = new GrpcClient(proxy.port);
    raw = new RawClient(proxy.port);
  });
  afterEach(() => proxy.settled());
  after(async () => {
    client.close();
    raw.close();
    await proxy.close();
    for (const backend of backends) backend.stop();
  });

  it("survivors keep connections and counters, who joins gets its share, who leaves finishes", async () => {
    const [one, two, three] = [await grpcBackend(), await grpcBackend(), await grpcBackend()];
    proxy.apply([one.port, two.port], {
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    for (let i = 0; i < 10; i++) await client.unary("x");
    const [slotOne, slotTwo] = [proxy.slotOf(one.port), proxy.slotOf(two.port)];
    assert.equal(proxy.endpoints.requestsOf(slotOne), 5);
    const chats = [client.chat(), client.chat()];
    for (const chat of chats) {
      chat.write(Buffer.from("before"));
      await once(chat, "data");
    }
    const connectionsBefore = proxy.row()[ClusterColumn.upstreamConnections];
    assert.equal(connectionsBefore, 2);

    proxy.apply([one.port, three.port], {
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    assert.equal(proxy.slotOf(one.port), slotOne);
    for (let i = 0; i < 10; i++) await client.unary("x");
    assert.deepEqual([one.calls, two.calls, three.calls], [11, 6, 5]);
    assert.equal(proxy.endpoints.requestsOf(slotOne), 11);
    assert.equal(proxy.row()[ClusterColumn.upstreamConnections], 3);
    assert.deepEqual(proxy.released, [], "the endpoint that left is not given back while it has a stream");
    for (const chat of chats) {
      chat.write(Buffer.from("after"));
      assert.equal(String((await once(chat, "data"))[0]), "after");
      chat.end();
      chat.resume();
      await once(chat, "end");
    }
    await until("the slot is given back", () => proxy.released.includes(slotTwo));
    await until("its connection is closed", () => proxy.row()[ClusterColumn.upstreamConnections] === 2);
  });

  it("weights, policy and zone of survivors change without a new connection", async () => {
    const [one, two] = [await grpcBackend(), await grpcBackend()];
    proxy.apply([one.port, two.port], {
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    for (let i = 0; i < 8; i++) await client.unary("x");
    proxy.apply([{ port: one.port, weight: 3 }, two.port], {
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    const before = [one.calls, two.calls] as const;
    for (let i = 0; i < 40; i++) await client.unary("x");
    assert.deepEqual([one.calls - before[0], two.calls - before[1]], [30, 10]);
    proxy.apply([{ port: one.port, health: "draining" }, two.port]);
    const drained = one.calls;
    for (let i = 0; i < 10; i++) await client.unary("x");
    assert.equal(one.calls, drained);
  });

  it("a removed cluster is unknown at once, its streams finish, and its slot is given back last", async () => {
    const one = await grpcBackend();
    proxy.apply([one.port], { name: "going:1" });
    const other = new GrpcClient(proxy.port, "going:1");
    const chat = other.chat();
    chat.write(Buffer.from("x"));
    await once(chat, "data");
    proxy.remove("going:1");
    const released = proxy.releasedClusters.length;
    const { code, details } = await other.unary("x");
    assert.equal(code, 12);
    assert.match(details, /"going:1"/);
    chat.write(Buffer.from("y"));
    assert.equal(String((await once(chat, "data"))[0]), "y");
    assert.equal(proxy.releasedClusters.length, released);
    chat.end();
    chat.resume();
    await once(chat, "end");
    await until("the slot is given back", () => proxy.releasedClusters.length === released + 1);
    assert.equal(proxy.row("going:1")[ClusterColumn.upstreamConnections], 0);
    other.close();
  });

  it("a cluster that comes back serves again", async () => {
    const one = await grpcBackend();
    const other = new GrpcClient(proxy.port, "back:1");
    for (let i = 0; i < 5; i++) {
      proxy.apply([one.port], { name: "back:1" });
      assert.equal((await other.unary("x")).code, 0);
      proxy.remove("back:1");
      assert.equal((await other.unary("x")).code, 12);
    }
    other.close();
  });

  it("whoever waits in a removed cluster is told, even for a connection or behind a full one", async () => {
    const one = await RawBackend.start({ settings: setting(3, 1) });
    const silent = await RawBackend.start({ onConnection: () => false });
    backends.push(one, silent);
    proxy.apply([one.port, silent.port], {
      name: "gone:1",
      maxConnectionsPerEndpoint: 1,
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    const headers = { ":authority": "gone:1", "grpc-timeout": "4S" };
    const hanging = raw.open(headers);
    const answers = Array.from({ length: 4 }, () => raw.call(Buffer.alloc(0), headers));
    await until("some wait for the silent one", () => silent.connections.length === 1);
    await until("one is full", () => one.connections[0]?.streams.size === 1);
    proxy.remove("gone:1");
    for (const { status, message } of await Promise.all(answers.slice(0, -1))) {
      if (status === 4) assert.fail(`waited in vain: ${message}`);
    }
    hanging.close(8);
    await Promise.all(answers.map((answer) => answer.catch(() => {})));
  });

  it("under load no call fails, whatever comes and goes", async () => {
    const all = await Promise.all([grpcBackend(), grpcBackend(), grpcBackend(), grpcBackend()]);
    proxy.apply(all.map(({ port }) => port));
    let running = true;
    const failures: string[] = [];
    let calls = 0;
    const load = Array.from({ length: 20 }, async () => {
      while (running) {
        const { code, details } = await client.unary("sleep 2");
        calls++;
        if (code !== 0) failures.push(`${code} ${details}`);
      }
    });
    for (let round = 0; round < 30; round++) {
      const some = all.filter((_, i) => (round + i) % 3 !== 0);
      proxy.apply(some.map(({ port }) => port));
      const target = calls + 10;
      await until("the load goes on", () => calls > target);
    }
    running = false;
    await Promise.all(load);
    assert.deepEqual(failures, []);
    assert.equal(proxy.row(ECHO)[ClusterColumn.streamsActive], 0);
  });

  it("where many leave at once, each of their connections is closed and each slot given back", async () => {
    const all: GrpcBackend[] = [];
    for (let i = 0; i < 30; i++) all.push(await grpcBackend());
    const settings = clusterSettings({ loadBalancing: { policy: "round_robin" } });
    const ports = all.map(({ port }) => port);
    proxy.apply(ports, { settings });
    for (let i = 0; i < 30; i++) await client.unary("x");
    const stays = ports.slice(0, 2);
    const leaving = ports.slice(2).map((port) => proxy.slotOf(port));
    await until("all are connected", () => proxy.row()[ClusterColumn.upstreamConnections] === 30);
    const calls = [client.unary("x"), client.unary("x")];
    proxy.apply(ports.slice(0, 15), { settings });
    // The next update comes while some of those before still wait for their turn.
    proxy.apply(stays, { settings });
    await Promise.all(calls);
    for (let i = 0; i < 10; i++) await client.unary("x");
    await until("their connections are closed", () => proxy.row()[ClusterColumn.upstreamConnections] === 2);
    for (const slot of leaving) assert.equal(proxy.released.filter((each) => each === slot).length, 1);
  });
});
