import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ControlPlaneProcess } from "../../e2e/harness/control-plane-process.ts";
import { until } from "../../e2e/harness/until.ts";
import { EchoCaller } from "../../xds/client/echo-backends.ts";
import { XdsProxy } from "../../xds/client/xds-proxy.ts";
import { ApiServer } from "../harness/api-server.ts";
import { missingKubelab } from "../harness/build-kubelab.ts";
import { callFrom } from "../harness/call-from.ts";
import { EchoPods } from "../harness/echo-pods.ts";

const missing = missingKubelab();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const UNAVAILABLE = 14;

describe("a Service's own words about its traffic", { skip }, () => {
  let api: ApiServer;
  let controlPlane: ControlPlaneProcess;
  let proxy: XdsProxy;
  const services: EchoPods[] = [];

  before(async () => {
    api = await ApiServer.start();
    controlPlane = await ControlPlaneProcess.start("--kubeconfig", api.kubeConfig);
    proxy = await XdsProxy.start({ addresses: [`127.0.0.1:${controlPlane.port}`] });
  });

  after(async () => {
    await proxy?.stop();
    await controlPlane?.stop();
    for (const each of services) each.close();
    await api?.close();
  });

  /** Endpoints that the proxy keeps though they are not listed any more. */
  async function heldBack(): Promise<number> {
    return Number(/^isobar_xds_client_held_back_endpoints (\d+)$/m.exec(await proxy.metrics())?.[1]);
  }

  async function open(name: string, net: string, spec: object = {}): Promise<EchoPods> {
    const pods = new EchoPods(api.writer, name, net);
    services.push(pods);
    await pods.open({ spec });
    return pods;
  }

  it("internalTrafficPolicy: Local stays on the caller's node, and fails where that has no endpoint", async () => {
    const pods = await open("local", "127.7.4", { internalTrafficPolicy: "Local" });
    await pods.add("here", { nodeName: "n1", zone: "zone-a" });
    await pods.add("elsewhere", { nodeName: "n2", zone: "zone-a" });
    const caller = new EchoCaller(proxy.address, "local.shop:50051");
    try {
      await until("it is known", async () => (await caller.call()).name === "here");
      assert.deepEqual(await caller.spread(20), { here: 20 });
      await pods.remove("here");
      await until("nobody is left", async () => (await caller.call()).code === UNAVAILABLE);
      assert.deepEqual(await caller.spread(20), { "code 14": 20 });
      await pods.add("here-again", { nodeName: "n1", zone: "zone-a" });
      await until("it is back", async () => (await caller.call()).name === "here-again");
    } finally {
      caller.close();
    }
  });

  it("sessionAffinity: ClientIP keeps each address with one endpoint, and nearly all of them when another one comes", async () => {
    const pods = await open("sticky", "127.7.5", {
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    });
    for (const name of ["a", "b", "c", "d", "e"]) await pods.add(name);
    const sources = Array.from({ length: 24 }, (_, i) => `127.9.0.${i + 1}`);
    const authority = "sticky.shop:50051";
    const homes = async () => {
      const found: string[] = [];
      for (const source of sources) {
        const names = new Set(await callFrom(source, proxy.address, authority, 4));
        assert.equal(names.size, 1, `${source}: ${[...names].join()}`);
        found.push(...names);
      }
      return found;
    };
    await until(
      "all are known",
      async () =>
        (
          await homes().then(
            (each) => new Set(each),
            () => new Set(),
          )
        ).size >= 4,
    );
    const before = await homes();
    await pods.add("f");
    await until("the new one is known", async () => (await proxy.admin("/clusters")).includes("127.7.5.6:"));
    const afterwards = await homes();
    const moved = afterwards.filter((name, i) => name !== before[i]);
    assert.ok(
      moved.every((name) => name === "f"),
      `moved to ${moved.join()}`,
    );
    assert.ok(moved.length <= 12, `${moved.length} of 24 moved`);
  });

  it("an update that empties a Service is believed at once when its Pods are gone, else held back until somebody says so", async () => {
    const pods = await open("held", "127.7.6");
    await pods.addKnown("one");
    await pods.addKnown("two");
    const caller = new EchoCaller(proxy.address, "held.shop:50051");
    const known = async () => [...(await proxy.admin("/clusters")).matchAll(/127\.7\.6\.\d+:/g)].length;
    try {
      await until("both are known", async () => (await caller.call()).code === 0 && (await known()) === 2);
      await pods.hide("one");
      await pods.hide("two");
      await until("it is held back", async () => (await heldBack()) === 2, heldBack);
      assert.deepEqual(Object.keys(await caller.spread(10)).sort(), ["one", "two"]);
      assert.equal(
        await proxy.admin("/xds/release?cluster=held.shop:50051", "POST"),
        "released held.shop:50051\n",
      );
      assert.equal((await caller.call()).code, UNAVAILABLE);

      await pods.addKnown("three");
      await until("it is back", async () => (await caller.call()).name === "three");
      const deletedMs = performance.now();
      await pods.deleteKnown("three");
      await sleep(300);
      await pods.hide("three");
      await until("it is empty", async () => (await caller.call()).code === UNAVAILABLE);
      const passedMs = performance.now() - deletedMs;
      assert.ok(passedMs < 8_000, `believed after ${Math.round(passedMs)} ms: not held back for 10 s`);
    } finally {
      caller.close();
    }
  });

  it("what is held back gets no call any more when another Pod turns up at its address", async () => {
    const victim = await open("victim", "127.7.7");
    const other = await open("other", "127.7.8");
    const host = await victim.addKnown("victim-1");
    const { port } = victim.backends.get("victim-1")!;
    await victim.addKnown("victim-2");
    await other.add("other-1");
    const calls = new EchoCaller(proxy.address, "victim.shop:50051");
    const otherCalls = new EchoCaller(proxy.address, "other.shop:50051");
    try {
      await until("both Services are known", async () => {
        const names = Object.keys(await calls.spread(10)).sort();
        return names.join() === "victim-1,victim-2" && (await otherCalls.call()).name === "other-1";
      });
      await victim.end("victim-1");
      await victim.hide("victim-1");
      await victim.hide("victim-2");
      await until("they are held back", async () => (await heldBack()) === 2, heldBack);
      await other.addAt("stranger", host, port);
      await until("the other Service is known to have it", async () =>
        Object.keys(await otherCalls.spread(10)).includes("stranger"),
      );
      assert.deepEqual(await calls.spread(30), { "victim-2": 30 });
      assert.match(await proxy.metrics(), /isobar_xds_client_claimed_endpoints_total 1\n/);
    } finally {
      calls.close();
      otherCalls.close();
    }
  });
});
