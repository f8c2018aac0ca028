import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decodeXdsSnapshot } from "../../../src/xds/client/xds-snapshot.ts";
import { decodeNodeView } from "../../../src/xds/resources/node-view.ts";
import { ControlPlaneRig, xdsService } from "../../interop/xds/control-plane-rig.ts";
import { EchoBackend, EchoCaller } from "./echo-backends.ts";
import { XdsProxy } from "./xds-proxy.ts";

const SERVICE = "echo.default:80";
const FLEET = "isobar.isobar-system";

const zonesOf = async (calls: EchoCaller): Promise<readonly string[]> =>
  Object.keys(await calls.spread(12)).sort();

test("a proxy whose configuration names no zone prefers the zone its node is in, also after a restart without a control plane", async () => {
  const [near, far] = await Promise.all([EchoBackend.start("near"), EchoBackend.start("far")]);
  await using controlPlane = new ControlPlaneRig();
  const fleet = (zone: string) =>
    xdsService("isobar.isobar-system:15020", [{ at: "127.0.0.1:15020", node: "n1", region: "r", zone }]);
  const echo = xdsService(SERVICE, [
    { at: `127.0.0.1:${near.port}`, zone: "near" },
    { at: `127.0.0.1:${far.port}`, zone: "far" },
  ]);
  await controlPlane.start([echo], 0, { fleetService: FLEET });
  const options = {
    addresses: [`127.0.0.1:${controlPlane.port}`],
    node: { id: "n1", zone: "" },
    controlPlane: "snapshotFile: FOLDER/snapshot",
  };
  let proxy = await XdsProxy.start(options);
  let calls = new EchoCaller(proxy.address, SERVICE);
  try {
    assert.deepEqual(await zonesOf(calls), ["far", "near"], "without a zone all are alike");
    // As the API server says when the proxy's Pod is ready.
    controlPlane.sink.upsert(fleet("near"));
    await proxy.eventually(async () => String(await zonesOf(calls)) === "near");
    const octets = /^isobar_bytes_total\{[^}]*locality="same_zone"[^}]*\} (\d+)$/m;
    await proxy.eventually(async () => Number(octets.exec(await proxy.metrics())?.[1]) > 0);
    controlPlane.sink.upsert(fleet("far"));
    await proxy.eventually(async () => String(await zonesOf(calls)) === "far");
    await proxy.eventually(async () => {
      const kept = decodeXdsSnapshot(await readFile(join(proxy.folder, "snapshot")));
      if ("problem" in kept || kept.place === undefined) return false;
      return decodeNodeView(kept.place.octets).value?.zone === "far";
    });
    calls.close();
    await proxy.stop(true);
    await controlPlane.stop();
    proxy = await XdsProxy.start({ ...options, folder: proxy.folder, ports: proxy.ports });
    calls = new EchoCaller(proxy.address, SERVICE);
    assert.deepEqual(await zonesOf(calls), ["far"], "the place is on disk");
  } finally {
    calls.close();
    await proxy.stop();
    near.stop();
    far.stop();
  }
});
