import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { declare } from "../../clients/harness/suite.ts";
import { ControlPlaneProcess, goControlPlane } from "./control-plane-program.ts";
import { EchoBackend, EchoCaller } from "./echo-backends.ts";
import { cluster, listener, loadAssignment, plainRoute, routeConfiguration } from "./xds-messages.ts";
import { XdsProxy } from "./xds-proxy.ts";

const AUTHORITY = "echo.default:50051";

async function serveEcho(controlPlane: ControlPlaneProcess, ports: readonly number[]): Promise<void> {
  await controlPlane.put("loadAssignment", loadAssignment(AUTHORITY, ports));
  await controlPlane.put("cluster", cluster(AUTHORITY));
  await controlPlane.put("routeConfiguration", routeConfiguration("echo", [plainRoute(AUTHORITY)]));
  await controlPlane.put("listener", listener(AUTHORITY, "echo"));
}

declare(
  "serves on while the control plane is gone, from disk after a start too",
  [goControlPlane],
  async () => {
    const backends = await Promise.all(["a", "b"].map((name) => EchoBackend.start(name)));
    const ports = backends.map(({ port }) => port);
    const folder = await mkdtemp(join(tmpdir(), "isobar-xds-"));
    let controlPlane = await ControlPlaneProcess.start();
    const { address } = controlPlane;
    await serveEcho(controlPlane, ports);
    const options = { addresses: [address], controlPlane: "snapshotFile: FOLDER/known.xds", folder };
    let proxy = await XdsProxy.start(options);
    const caller = new EchoCaller(proxy.address, AUTHORITY);
    try {
      assert.deepEqual(await caller.spread(10), { a: 5, b: 5 });
      await proxy.eventually(async () =>
        (await readFile(join(folder, "known.xds"))).includes("loadAssignment"),
      );

      await controlPlane.stop();
      assert.deepEqual(await caller.spread(10), { a: 5, b: 5 }, "the control plane is gone");

      await proxy.stop(true);
      proxy = await XdsProxy.start({ ...options, ports: proxy.ports });
      assert.deepEqual(await caller.spread(10), { a: 5, b: 5 }, "the proxy was started while it was gone");

      controlPlane = await ControlPlaneProcess.start(address);
      await serveEcho(controlPlane, ports.slice(0, 1));
      await proxy.eventually(async () => !(await proxy.admin("/clusters")).includes(`:${ports[1]} `));
      assert.deepEqual(await caller.spread(4), { a: 4 }, "it is back, and has other news");
      assert.ok(
        controlPlane.requests.some(({ versions = {} }) => AUTHORITY in versions),
        "the versions that are known are told",
      );

      await proxy.stop(true);
      await controlPlane.stop();
      await writeFile(join(folder, "known.xds"), "isobar-xds-snapshot 2\nfrom the future");
      proxy = await XdsProxy.start({ ...options, ports: proxy.ports });
      assert.equal((await caller.call()).code, 14);
      assert.match(await readFile(join(folder, "known.xds.set-aside"), "utf8"), /from the future/);
      assert.match(await proxy.stop(true), /is of no use.*|found format 2, wanted 1/);
    } finally {
      caller.close();
      await proxy.stop();
      await controlPlane.stop().catch(() => undefined);
      for (const backend of backends) backend.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
);

declare(
  "uses connections that stand, and makes none, when the disk's endpoints have gone unconfirmed for too long",
  [goControlPlane],
  async () => {
    const backends = await Promise.all(["a", "b"].map((name) => EchoBackend.start(name)));
    const folder = await mkdtemp(join(tmpdir(), "isobar-xds-"));
    let controlPlane = await ControlPlaneProcess.start();
    const { address } = controlPlane;
    const ports = backends.map(({ port }) => port);
    await serveEcho(controlPlane, ports);
    const known = "snapshotFile: FOLDER/known.xds, maxStale: 6s";
    const options = { addresses: [address], controlPlane: known, folder };
    let proxy = await XdsProxy.start(options);
    const caller = new EchoCaller(proxy.address, AUTHORITY);
    try {
      assert.equal((await caller.call()).code, 0);
      await proxy.eventually(async () =>
        (await readFile(join(folder, "known.xds"))).includes("loadAssignment"),
      );
      await controlPlane.stop();
      await proxy.stop(true);
      proxy = await XdsProxy.start({ ...options, ports: proxy.ports });
      const first = await caller.spread(1);
      const [served] = Object.keys(first);
      await sleep(7_000);
      assert.deepEqual(
        await caller.spread(10),
        { [served!]: 10 },
        "the connection that stands is used alone",
      );

      backends[served === "a" ? 0 : 1]!.stop();
      await proxy.eventually(async () => (await caller.call()).code === 14);

      controlPlane = await ControlPlaneProcess.start(address);
      const left = served === "a" ? "b" : "a";
      await serveEcho(controlPlane, [ports[left === "a" ? 0 : 1]!]);
      await proxy.eventually(async () => (await caller.call()).code === 0);
      assert.deepEqual(await caller.spread(4), { [left]: 4 }, "what is confirmed is connected to again");
    } finally {
      caller.close();
      await proxy.stop();
      await controlPlane.stop().catch(() => undefined);
      for (const backend of backends) backend.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
