import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlPlaneRig, xdsService } from "../../interop/xds/control-plane-rig.ts";
import { HeldCalls, HoldingBackend } from "./holding-backend.ts";
import { XdsProxy } from "./xds-proxy.ts";

const SERVICE = "hold.default:80";

interface FleetStatus {
  readonly reporting: boolean;
  readonly place: { readonly index: number; readonly count: number } | null;
  readonly services: Readonly<
    Record<
      string,
      { readonly callers: number; readonly othersInFlight: number; readonly trafficShare?: number }
    >
  >;
}

async function fleetOf(proxy: XdsProxy): Promise<FleetStatus> {
  return (JSON.parse(await proxy.admin("/xds?format=json")) as { readonly fleet: FleetStatus }).fleet;
}

test("what one proxy has in flight is seen by another, and is gone when the proxy is", async () => {
  const backends = await Promise.all([1, 2, 3].map(() => HoldingBackend.start()));
  await using controlPlane = new ControlPlaneRig();
  await controlPlane.start([
    xdsService(
      SERVICE,
      backends.map(({ port }) => `127.0.0.1:${port}`),
    ),
  ]);
  const addresses = [`127.0.0.1:${controlPlane.port}`];
  const first = await XdsProxy.start({ addresses, node: { id: "n1", zone: "a" } });
  const second = await XdsProxy.start({ addresses, node: { id: "n2", zone: "a" } });
  const calls = [first, second].map(({ address }) => new HeldCalls(address, SERVICE));
  try {
    await calls[0]!.begin(12);
    await calls[1]!.begin(3);
    await second.eventually(async () => {
      const { reporting, place, services } = await fleetOf(second);
      const { callers, othersInFlight } = services[SERVICE]!;
      return reporting && place?.count === 2 && callers === 2 && othersInFlight === 12;
    });
    await first.eventually(async () => (await fleetOf(first)).services[SERVICE]!.othersInFlight === 3);
    const places = await Promise.all(
      [first, second].map(async (proxy) => (await fleetOf(proxy)).place!.index),
    );
    assert.deepEqual(places.sort(), [0, 1]);
    await first.stop();
    await second.eventually(async () => (await fleetOf(second)).services[SERVICE]!.othersInFlight === 0);
  } finally {
    for (const each of calls) each.close();
    await second.stop();
    await first.stop();
    for (const each of backends) each.stop();
  }
});

test("a large service is shared out among the proxies as soon as their places and shares are known", async () => {
  const backends = await Promise.all(Array.from({ length: 12 }, () => HoldingBackend.start()));
  await using controlPlane = new ControlPlaneRig();
  const subset = { enabled: true, minEndpoints: 2, coverage: 1 };
  await controlPlane.start([
    xdsService(
      SERVICE,
      backends.map(({ port }) => `127.0.0.1:${port}`),
      { settings: { loadBalancing: { subset } } },
    ),
  ]);
  const addresses = [`127.0.0.1:${controlPlane.port}`];
  const proxies: XdsProxy[] = [];
  const calls: HeldCalls[] = [];
  try {
    for (const id of ["n1", "n2", "n3"]) {
      const proxy = await XdsProxy.start({ addresses, node: { id, zone: "a" } });
      proxies.push(proxy);
      calls.push(new HeldCalls(proxy.address, SERVICE));
    }
    for (const proxy of proxies) {
      await proxy.eventually(async () => {
        // Shares follow the traffic: who called first and then no more had all of it.
        for (const each of calls) await each.begin(1);
        const candidates = /^isobar_candidates\{[^}]*\} (\d+)$/m.exec(await proxy.metrics())?.[1];
        // Which and how many depends on the ports, which are part of the endpoints' names.
        return candidates !== undefined && Number(candidates) < backends.length;
      });
    }
    const places = await Promise.all(proxies.map(async (proxy) => (await fleetOf(proxy)).place!.index));
    assert.deepEqual(places.sort(), [0, 1, 2]);
    for (const each of calls) await each.begin(20);
    assert.ok(backends.every(({ open }) => open > 0));
  } finally {
    for (const each of calls) each.close();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    for (const each of backends) each.stop();
  }
});

test("a service that is taken away on purpose is gone at once, and one that vanishes is kept for a while", async () => {
  const backend = await HoldingBackend.start();
  await using controlPlane = new ControlPlaneRig();
  const names = ["meant.default:80", "vanished.default:80"];
  await controlPlane.start(names.map((name) => xdsService(name, [`127.0.0.1:${backend.port}`])));
  const proxy = await XdsProxy.start({ addresses: [`127.0.0.1:${controlPlane.port}`] });
  const calls = names.map((name) => new HeldCalls(proxy.address, name));
  try {
    for (const each of calls) await each.begin(1);
    const begunMs = performance.now();
    const cause = {
      object: "Service default/meant",
      resourceVersion: "7",
      verb: "DELETED",
      fieldManager: "",
    };
    controlPlane.sink.remove(names[0]!, cause);
    controlPlane.sink.remove(names[1]!);
    await proxy.eventually(async () => !(await proxy.admin("/clusters")).includes(names[0]!));
    const tookMs = performance.now() - begunMs;
    assert.ok(tookMs < 8_000, `${tookMs} ms; what is held back stays for 10 s`);
    assert.ok((await proxy.admin("/clusters")).includes(names[1]!));
  } finally {
    for (const each of calls) each.close();
    await proxy.stop();
    backend.stop();
  }
});
