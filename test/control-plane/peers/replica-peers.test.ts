import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { PeerFlags } from "../../../src/control-plane/peers/open-peers.ts";
import { ControlPlaneRig, xdsService } from "../../interop/xds/control-plane-rig.ts";
import { freePorts } from "../../support/free-ports.ts";
import { HeldCalls, HoldingBackend } from "../../xds/client/holding-backend.ts";
import { XdsProxy } from "../../xds/client/xds-proxy.ts";

const SERVICE = "hold.default:80";
const LIMIT_MS = 30_000;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, `${what}: not within ${LIMIT_MS} ms`);
    await sleep(50);
  }
}

describe("replicas", () => {
  const backends: HoldingBackend[] = [];
  const rigs = [new ControlPlaneRig(), new ControlPlaneRig()] as const;
  const proxies: XdsProxy[] = [];
  const calls: HeldCalls[] = [];
  let ports: readonly number[];
  let peers: PeerFlags;

  /** What a proxy knows of the others. */
  async function others(proxy: XdsProxy): Promise<readonly [callers: number, inFlight: number]> {
    const { fleet } = JSON.parse(await proxy.admin("/xds?format=json")) as {
      readonly fleet: {
        readonly services: Readonly<
          Record<string, { readonly callers: number; readonly othersInFlight: number }>
        >;
      };
    };
    const { callers = 0, othersInFlight = 0 } = fleet.services[SERVICE] ?? {};
    return [callers, othersInFlight];
  }

  const services = () => [
    xdsService(
      SERVICE,
      backends.map(({ port }) => `127.0.0.1:${port}`),
    ),
  ];

  before(async () => {
    backends.push(await HoldingBackend.start(), await HoldingBackend.start());
    ports = await freePorts(2);
    // Each has the addresses of all, as a headless Service has them: its own is among them.
    const addresses = ports.map((port) => ({ host: "127.0.0.1", port }));
    peers = { addresses, tokenFile: undefined, caFile: undefined };
    await Promise.all(rigs.map((rig, i) => rig.start(services(), ports[i], { peers })));
    for (const [i, port] of ports.entries()) {
      const node = { id: `n${i}`, zone: "a" };
      const proxy = await XdsProxy.start({ addresses: [`127.0.0.1:${port}`], node });
      proxies.push(proxy);
      calls.push(new HeldCalls(proxy.address, SERVICE));
    }
  });

  after(async () => {
    for (const each of calls) each.close();
    await Promise.all(proxies.map((each) => each.stop()));
    await Promise.all(rigs.map((each) => each[Symbol.asyncDispose]()));
    for (const each of backends) each.stop();
  });

  it("know each other, and themselves for themselves", async () => {
    for (const rig of rigs)
      await until("one other replica is known", async () => (await rig.stats())["load.replicas"] === 1);
  });

  it("tell their proxies what the other one's have in flight, each once", async () => {
    await calls[0]!.begin(9);
    await calls[1]!.begin(4);
    await until("the second knows", async () => (await others(proxies[1]!)).join() === "2,9");
    await until("the first knows", async () => (await others(proxies[0]!)).join() === "2,4");
    for (const rig of rigs) {
      const load = await rig.load(SERVICE);
      assert.deepEqual([load!.callers, load!.places.map(({ inFlight }) => inFlight)], [2, [13]]);
      assert.equal((await rig.stats())["load.reporters"], 1, "its own clients alone");
    }
  });

  it("forget at once what one that is gone has told, and hear of it again when it is back", async () => {
    await rigs[1].stop();
    await until("its load is gone", async () => (await rigs[0].load(SERVICE))?.callers === 1);
    await until("it is not known any more", async () => (await rigs[0].stats())["load.replicas"] === 0);
    await until("the proxy knows", async () => (await others(proxies[0]!))[1] === 0);
    await rigs[1].start(services(), ports[1], { peers });
    await until("it is back", async () => (await others(proxies[0]!)).join() === "2,4");
  });
});
