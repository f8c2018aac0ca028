import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ControlPlaneProcess } from "../../e2e/harness/control-plane-process.ts";
import { until } from "../../e2e/harness/until.ts";
import { XdsProxy } from "../../xds/client/xds-proxy.ts";
import { ApiServer } from "../harness/api-server.ts";
import { missingKubelab } from "../harness/build-kubelab.ts";
import { EchoPods } from "../harness/echo-pods.ts";
import { readerConfig } from "../harness/reader-config.ts";
import { SteadyLoad } from "../harness/steady-load.ts";

const missing = missingKubelab();
const { CI } = process.env;
const skip = missing !== undefined && CI === undefined ? missing : false;
const AUTHORITY = "echo.shop:50051";
const GLOBAL = { "isobar.dev/global": "true" };

const isOwn = (name: string): boolean => name.startsWith("own");
const isWest = (name: string): boolean => name.startsWith("west");

function node(name: string, region: string): Parameters<ApiServer["writer"]["apply"]>[0] {
  const labels = { "topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": `${region}a` };
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels } };
}

describe("two clusters", { skip }, () => {
  let ownApi: ApiServer;
  let westApi: ApiServer;
  let own: EchoPods;
  let west: EchoPods;
  let controlPlane: ControlPlaneProcess;
  let proxy: XdsProxy;
  let load: SteadyLoad;
  let clusters: readonly string[];
  let state: readonly string[];

  before(async () => {
    [ownApi, westApi] = await Promise.all([ApiServer.start(), ApiServer.start()]);
    own = new EchoPods(ownApi.writer, "echo", "127.7.1", { nodeName: "node-1" });
    west = new EchoPods(westApi.writer, "echo", "127.7.2", { nodeName: "node-1" });
    await ownApi.writer.apply(node("node-1", "region-a"));
    await westApi.writer.apply(node("node-1", "region-b"));
    await own.open({ annotations: GLOBAL });
    await west.open({ annotations: GLOBAL });
    for (const name of ["own-1", "own-2"]) await own.add(name);
    for (const name of ["west-1", "west-2"]) await west.add(name);
    clusters = ["--kubeconfig", ownApi.kubeConfig, "--cluster", `west=${await readerConfig(westApi)}`];
    state = ["--cluster-state", join(ownApi.folder, "state")];
    controlPlane = await ControlPlaneProcess.start(...clusters, ...state);
    proxy = await XdsProxy.start({ addresses: [`127.0.0.1:${controlPlane.port}`] });
    load = new SteadyLoad(proxy.address, AUTHORITY);
    await until("calls are answered", () => load.calls.length > 50);
  });

  after(async () => {
    await load?.stop();
    await proxy?.stop();
    await controlPlane?.stop();
    own?.close();
    west?.close();
    await Promise.all([ownApi?.close(), westApi?.close()]);
  });

  const noneLost = () => assert.deepEqual(load.failed, []);

  it("while the own one can take the calls it gets them all", async () => {
    assert.deepEqual([...load.namesSince(0)].sort(), ["own-1", "own-2"]);
    assert.match(await proxy.admin("/clusters"), /127\.7\.2\.1:/, "the other's are known");
    noneLost();
  });

  it("when the own one's Pods die the other serves, and no call is lost; when they are back they serve again", async (t) => {
    const diedMs = performance.now();
    await Promise.all(["own-1", "own-2"].map((name) => own.end(name)));
    await until("the other serves", () => load.firstSince(diedMs, isWest) !== undefined);
    const overMs = load.firstSince(diedMs, isWest)!;
    await sleep(500);
    noneLost();
    const backMs = performance.now();
    for (const name of ["own-1", "own-2"]) await own.remove(name);
    for (const name of ["own-3", "own-4"]) await own.add(name);
    await until("the own one serves", () => load.firstSince(backMs, isOwn) !== undefined);
    const firstMs = load.firstSince(backMs, isOwn)!;
    await until("and it alone", () => {
      const names = load.namesSince(performance.now() - 300);
      return names.size > 0 && [...names].every(isOwn);
    });
    const wholeMs = load.lastSince(backMs, isWest);
    t.diagnostic(
      `died: first answer of the other cluster after ${Math.round(overMs)} ms; new Pods written: first answer after ${Math.round(firstMs)} ms, last of the other after ${Math.round(wholeMs)} ms`,
    );
    noneLost();
  });

  it("when the own one is scaled to nothing the other serves, and no call is lost", async (t) => {
    const scaledMs = performance.now();
    await own.remove("own-3");
    await own.remove("own-4");
    await until("the other serves", () => load.firstSince(scaledMs, isWest) !== undefined);
    await until("and it alone", () => {
      const names = load.namesSince(performance.now() - 300);
      return names.size > 0 && [...names].every(isWest);
    });
    t.diagnostic(
      `scaled to nothing: first answer of the other cluster after ${Math.round(load.firstSince(scaledMs, isWest)!)} ms, last of the own after ${Math.round(load.lastSince(scaledMs, isOwn))} ms`,
    );
    noneLost();
  });

  it("when the other's API is lost its endpoints stay, and serve", async () => {
    await westApi.killServer();
    const lostMs = performance.now();
    await until("it is known to be lost", async () =>
      (await controlPlane.get("/stats")).includes("clusters.west.lost: 1"),
    );
    await until("it still serves", () => load.namesSince(lostMs + 3_000).size === 2);
    assert.deepEqual([...load.namesSince(lostMs)].sort(), ["west-1", "west-2"]);
    noneLost();
  });

  it("an address of the lost one that a Pod of the own cluster has by now gets no call any more", async () => {
    const stranger = new EchoPods(ownApi.writer, "stranger", "127.7.2");
    await stranger.open();
    // The first address of that net: it is west-1's, whose cluster cannot say that it is gone.
    await west.end("west-1");
    const host = await stranger.add("stranger-1");
    try {
      assert.equal(host, "127.7.2.1");
      await until("it is left out", async () => !(await proxy.admin("/clusters")).includes("127.7.2.1:"));
      const sinceMs = performance.now();
      await sleep(500);
      assert.deepEqual([...load.namesSince(sinceMs)], ["west-2"]);
      assert.equal(
        load.firstSince(0, (name) => name.startsWith("stranger")),
        undefined,
      );
      noneLost();
    } finally {
      stranger.close();
    }
  });

  it("a control plane that starts while the other is away knows what was kept of it", async () => {
    const startedMs = performance.now();
    const second = await ControlPlaneProcess.start(...clusters, ...state);
    try {
      const [, endpoints] = /^endpoints: (\d+)$/m.exec(await second.get("/stats")) ?? [];
      // west-2 and the stranger: what has its address is west-1 no more.
      assert.equal(endpoints, "2");
      assert.match(await second.get("/stats"), /clusters\.west\.synced: 0/);
      assert.ok(performance.now() - startedMs < 30_000);
    } finally {
      await second.stop();
    }
  });

  it("a control plane that starts while the other cannot be reached serves without it, after a while", async () => {
    const startedMs = performance.now();
    const second = await ControlPlaneProcess.start(...clusters);
    try {
      assert.ok(performance.now() - startedMs > 5_000, "it waits");
      assert.match(await second.get("/stats"), /clusters\.west\.synced: 0/);
      assert.match(await second.get("/stats"), /clusters\.own\.synced: 1/);
      await westApi.startServer();
      await until("it is taken up when it is there", async () =>
        (await second.get("/stats")).includes("clusters.west.synced: 1"),
      );
    } finally {
      await second.stop();
    }
  });
});
