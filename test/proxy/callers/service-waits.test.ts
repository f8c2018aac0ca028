import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AskedAuthorities } from "../../../src/proxy/authorities/asked-authorities.ts";
import { AuthorityState } from "../../../src/proxy/authorities/authority-news.ts";
import { WorkerColumn } from "../../../src/telemetry/worker-counters.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { callingPod as pod } from "./fixture/calling-pod.ts";

const ANY_IP = { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" };
const LATE = "late.default:50051";
const LATE_ADDRESS = "127.18.0.2";
const POD = "127.0.1.5";
const MESSAGE = Buffer.alloc(5);

describe("connections to a captured service that nobody has asked for yet", () => {
  let proxy: LocalProxy;
  let backend: GrpcBackend;
  let asked: AskedAuthorities;
  const names: string[] = [];
  const clients: RawClient[] = [];
  let sweeps: NodeJS.Timeout;

  beforeEach(async () => {
    names.length = clients.length = 0;
    proxy = await LocalProxy.start({ anyIp: ANY_IP });
    backend = await GrpcBackend.start();
    asked = proxy.dataPlane.askFor({ waitMs: 500, ask: (name) => names.push(name) });
    sweeps = setInterval(() => asked.sweep(), 50);
    proxy.dataPlane.reception.applyServices({ added: [{ number: 2, service: LATE }], removed: [] });
    proxy.applyCallers([pod("u1", "default", POD)]);
  });
  afterEach(async () => {
    for (const each of clients) each.close();
    await until("connections gone", () => proxy.dataPlane.downstreamConnections === 0);
    proxy.dataPlane.reception.applyServices({ added: [], removed: [2] });
    proxy.applyCallers([]);
    clearInterval(sweeps);
    await backend.stop();
    await proxy.close();
  });

  function client(): RawClient {
    const made = new RawClient(proxy.port, {}, POD, LATE_ADDRESS);
    clients.push(made);
    return made;
  }
  const held = (): number => proxy.worker.row(0)[WorkerColumn.requestsHeld]!;

  it("wait unread, however many they are, and none is lost of those that a proxy gets at its start", async () => {
    const CONNECTIONS = 1_200;
    const calls = Array.from({ length: CONNECTIONS }, () => client().call(MESSAGE));
    await until("the first has come", () => names.length > 0);
    await sleep(100);
    const { snapshot } = proxy.apply([backend.port], { name: LATE });
    asked.apply([{ authority: LATE, clusterSlot: snapshot.clusterSlot }]);
    const answers = await Promise.all(calls);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([0]));
    assert.equal(backend.calls, CONNECTIONS);
    assert.deepEqual(names, [LATE], "the connection asked, once for all");
    assert.equal(held(), 0);
  });

  it("are let in when there is no word for long, and their requests wait on", async () => {
    const call = client().call(MESSAGE);
    await until("asked", () => names.length > 0);
    // The rig's control plane takes 500 ms, and a request is held again.
    assert.equal((await call).status, 14);
    assert.ok(held() > 0);
  });

  it("are let in at once when it is known not to exist, and when it is known", async () => {
    const first = client().call(MESSAGE);
    await until("asked", () => names.length > 0);
    asked.apply([{ authority: LATE, clusterSlot: AuthorityState.absent }]);
    assert.equal((await first).status, 12);
    assert.equal((await client().call(MESSAGE)).status, 12);
    const { snapshot } = proxy.apply([backend.port], { name: LATE });
    asked.apply([{ authority: LATE, clusterSlot: snapshot.clusterSlot }]);
    assert.equal((await client().call(MESSAGE)).status, 0);
    assert.deepEqual(names, [LATE]);
  });

  it("are let in when the proxy leaves, and asked to go like all", async () => {
    const { reception } = proxy.dataPlane;
    const one = client();
    const call = one.call(MESSAGE);
    await until("waiting", () => reception.waiting === 1);
    proxy.dataPlane.drain();
    assert.equal(reception.waiting, 0);
    const { snapshot } = proxy.apply([backend.port], { name: LATE });
    asked.apply([{ authority: LATE, clusterSlot: snapshot.clusterSlot }]);
    assert.equal((await call).status, 0);
    await until("asked to go", () => one.goaway === 0);
  });

  it("are nobody's when their address is no pod's any more by then", async () => {
    const call = client()
      .call(MESSAGE)
      .then(
        ({ status }) => status,
        () => -1,
      );
    await until("asked", () => names.length > 0);
    proxy.applyCallers([]);
    const { snapshot } = proxy.apply([backend.port], { name: LATE });
    asked.apply([{ authority: LATE, clusterSlot: snapshot.clusterSlot }]);
    assert.equal(await call, -1);
    assert.equal(backend.calls, 0);
  });
});
