import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import { RawBackend } from "../proxy/fixture/raw-backend.ts";
import { RawClient } from "../proxy/fixture/raw-client.ts";
import { until } from "../proxy/fixture/until.ts";
import { freePort } from "../support/free-port.ts";

const NAME = "sub:1";

describe("a subchannel", () => {
  let proxy: LocalProxy;
  let client: RawClient;
  const call = () => client.call(Buffer.alloc(3), { ":authority": NAME });

  before(async () => {
    proxy = await LocalProxy.start();
    client = new RawClient(proxy.port);
  });
  after(async () => {
    client.close();
    await proxy.close();
  });

  it("connects when the first stream comes, and again after its connection has gone", async () => {
    const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    proxy.apply([backend.port], { name: NAME });
    assert.equal(backend.connections.length, 0);
    for (let i = 1; i <= 3; i++) {
      assert.equal((await call()).status, 0);
      assert.equal(backend.connections.length, i);
      backend.connections.at(-1)!.socket.end();
      await until("it is gone", () => proxy.row(NAME)[ClusterColumn.upstreamConnections] === 0);
    }
    proxy.remove(NAME);
    backend.stop();
  });

  it("makes no connection where the cluster allows none, and uses those that stand", async () => {
    const [known, other] = await Promise.all(
      [1, 2].map(() => RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) })),
    );
    proxy.apply([known!.port], { name: NAME });
    assert.equal((await call()).status, 0);
    proxy.apply([known!.port, other!.port], { name: NAME, maxConnectionsPerEndpoint: 0 });
    for (let i = 0; i < 20; i++) assert.equal((await call()).status, 0);
    assert.equal(other!.connections.length, 0);
    known!.connections[0]!.socket.end();
    await until("it is gone", () => proxy.row(NAME)[ClusterColumn.upstreamConnections] === 0);
    const { status, message } = await call();
    assert.equal(status, 14);
    assert.match(message, /no endpoint/);
    assert.equal(known!.connections.length + other!.connections.length, 1);
    proxy.apply([known!.port, other!.port], { name: NAME });
    assert.equal((await call()).status, 0);
    proxy.remove(NAME);
    for (const backend of [known!, other!]) backend.stop();
  });

  it("is set aside while it cannot be reached, and comes back", async () => {
    const good = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const port = await freePort();
    proxy.apply([port, good.port], {
      name: NAME,
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
    });
    for (let i = 0; i < 4; i++) assert.equal((await call()).status, 0);
    const slot = proxy.slotOf(port, NAME);
    assert.equal(proxy.endpoints.setAside[slot], SetAside.connect);
    const failures = proxy.row(NAME)[ClusterColumn.upstreamConnectFailures]!;
    for (let i = 0; i < 20; i++) assert.equal((await call()).status, 0);
    assert.equal(
      proxy.row(NAME)[ClusterColumn.upstreamConnectFailures],
      failures,
      "not tried while set aside",
    );
    await until("the back-off is over", () => proxy.endpoints.setAside[slot] === 0);
    proxy.remove(NAME);
    good.stop();
  });

  it("gives up a connection whose SETTINGS do not come in time", async () => {
    const silent = await RawBackend.start({ onConnection: () => false });
    proxy.apply([silent.port], { name: NAME, connectTimeoutMs: 50 });
    const started = performance.now();
    const { status, message } = await call();
    assert.equal(status, 14);
    assert.match(message, /cannot connect to an endpoint of sub:1/);
    const tookMs = performance.now() - started;
    assert.ok(tookMs >= 190 && tookMs < 1000, `four attempts took ${tookMs} ms`);
    await until("all are closed", () => silent.open === 0);
    proxy.remove(NAME);
    silent.stop();
  });

  it("shares one connection between streams as long as it has room", async () => {
    const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    proxy.apply([backend.port], { name: NAME });
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 90 }, call));
    assert.equal(backend.connections.length, 1);
    proxy.remove(NAME);
    backend.stop();
  });
});
