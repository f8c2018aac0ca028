import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlPlaneRig, xdsService } from "../../interop/xds/control-plane-rig.ts";
import { XdsProxy } from "../client/xds-proxy.ts";
import { HeldCalls, HoldingBackend } from "./holding-backend.ts";

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
