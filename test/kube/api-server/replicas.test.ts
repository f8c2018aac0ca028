import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ControlPlaneProcess } from "../../e2e/harness/control-plane-process.ts";
import { until } from "../../e2e/harness/until.ts";
import { XdsProxy } from "../../xds/client/xds-proxy.ts";
import { ApiServer } from "../harness/api-server.ts";
import { missingKubelab } from "../harness/build-kubelab.ts";
import { EchoPods } from "../harness/echo-pods.ts";
import { SteadyLoad } from "../harness/steady-load.ts";

const missing = missingKubelab();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const AUTHORITY = "echo.shop:50051";
const PODS = 3;
const TYPES = ["Listener", "RouteConfiguration", "Cluster", "ClusterLoadAssignment"];

/** @returns resources of the standard types that a control plane has sent since its start. */
async function sentBy(controlPlane: ControlPlaneProcess): Promise<number> {
  const stats = JSON.parse(await controlPlane.get("/stats?format=json")) as Record<string, number>;
  return TYPES.reduce((sum, type) => sum + (stats[`${type}.resources`] ?? 0), 0);
}

/** @returns how many proxies have a stream to it. */
async function streamsOf(controlPlane: ControlPlaneProcess): Promise<number> {
  const stats = JSON.parse(await controlPlane.get("/stats?format=json")) as Record<string, number>;
  return stats["streams.isobar.delta"] ?? 0;
}

describe("two replicas of a control plane", { skip }, () => {
  let api: ApiServer;
  let pods: EchoPods;
  const replicas: ControlPlaneProcess[] = [];
  const proxies: XdsProxy[] = [];
  const loads: SteadyLoad[] = [];
  /** Pods there are, the oldest first. */
  const alive: string[] = [];
  let made = 0;

  before(async () => {
    api = await ApiServer.start();
    pods = new EchoPods(api.writer, "echo", "127.7.3");
    await pods.open();
    for (let i = 0; i < PODS; i++) await addPod();
    for (let i = 0; i < 2; i++)
      replicas.push(await ControlPlaneProcess.start("--kubeconfig", api.kubeConfig));
    const addresses = replicas.map(({ port }) => `127.0.0.1:${port}`);
    for (let i = 0; i < 2; i++) proxies.push(await XdsProxy.start({ addresses }));
    for (const { address } of proxies) loads.push(new SteadyLoad(address, AUTHORITY, 2));
    await until("calls are answered", () => loads.every(({ calls }) => calls.length > 50));
  });

  after(async () => {
    await Promise.all(loads.map((load) => load.stop()));
    await Promise.all([...proxies, ...replicas].map((each) => each.stop()));
    pods?.close();
    await api?.close();
  });

  async function addPod(): Promise<string> {
    const name = `pod-${++made}`;
    await pods.add(name);
    alive.push(name);
    return name;
  }

  /** Replaces the oldest Pod, as a rolling update does; now and then there is one more or one less. */
  async function roll(): Promise<void> {
    if (alive.length <= PODS) await addPod();
    if (alive.length > PODS || made % 3 === 0) await pods.remove(alive.shift()!);
  }

  const noneLost = () =>
    assert.deepEqual(
      loads.flatMap(({ failed }) => failed),
      [],
    );

  it("one killed while nothing changes: its clients go to the other, which has nothing new to tell them", async () => {
    const [first, second] = replicas as [ControlPlaneProcess, ControlPlaneProcess];
    assert.deepEqual([await streamsOf(first), await streamsOf(second)], [2, 0]);
    await first.kill();
    await until("both are with the other", async () => (await streamsOf(second)) === 2);
    // What is not sent cannot be waited for: longer than a change takes.
    await sleep(500);
    assert.equal(await sentBy(second), 0);
    noneLost();
    await first.start();
  });

  it("one killed again and again while Pods come and go: no call is lost, and new Pods get calls within seconds", async (t) => {
    let stopped = false;
    const churn = (async () => {
      while (!stopped) {
        await roll();
        await sleep(100);
      }
    })();
    const found: number[] = [];
    try {
      for (const at of [1, 0, 1]) {
        const victim = replicas[at]!;
        await until("the victim has clients", async () => (await streamsOf(victim)) > 0);
        await sleep(500);
        await victim.kill();
        const name = `late-${made}`;
        const addedMs = performance.now();
        await pods.add(name);
        await until("the new Pod gets calls of both", () =>
          loads.every((load) => load.firstSince(addedMs, (each) => each === name) !== undefined),
        );
        found.push(...loads.map((load) => load.firstSince(addedMs, (each) => each === name)!));
        await pods.remove(name);
        await victim.start();
      }
    } finally {
      stopped = true;
      await churn;
    }
    t.diagnostic(
      `${made} Pods came, ${loads.reduce((sum, { calls }) => sum + calls.length, 0)} calls; Pods that came as a replica went got calls after ${found.map((ms) => Math.round(ms)).join(", ")} ms`,
    );
    noneLost();
    assert.ok(Math.max(...found) < 10_000);
  });

  it("afterwards both say the same in the same versions", async () => {
    const names = [...alive].map((name) => pods.backends.get(name)!.port).sort();
    await until("the proxies know the Pods there are", async () => {
      const texts = await Promise.all(proxies.map((proxy) => proxy.admin("/clusters")));
      return texts.every((text) => {
        const ports = [...text.matchAll(/127\.7\.3\.\d+:(\d+) /g)].map(([, port]) => Number(port));
        return ports.sort().join() === names.join();
      });
    });
    const [first, second] = replicas as [ControlPlaneProcess, ControlPlaneProcess];
    const before = (await sentBy(first)) + (await sentBy(second));
    const busy = (await streamsOf(first)) > 0 ? first : second;
    const other = busy === first ? second : first;
    await busy.kill();
    const already = await sentBy(other);
    await until("both are with the other", async () => (await streamsOf(other)) === 2);
    await sleep(500);
    assert.equal(await sentBy(other), already);
    assert.ok(before > 0);
    noneLost();
  });
});
