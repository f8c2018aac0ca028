import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backends } from "../../clients/harness/backends.ts";
import { build } from "../../clients/harness/build.ts";
import { Child } from "../../clients/harness/child.ts";
import { go } from "../../clients/harness/go.ts";
import { HeldCalls, HoldingBackend } from "../../xds/client/holding-backend.ts";
import { XdsProxy } from "../../xds/client/xds-proxy.ts";
import { installEnvoy } from "../envoy/install-envoy.ts";
import { ControlPlaneRig, xdsService } from "./control-plane-rig.ts";
import { EnvoyProcess } from "./envoy-process.ts";

const HOLD = "hold.default:80";
const ECHO = "echo.default:50051";
const LIMIT = { timeout: 15 * 60_000 };
const envoy = installEnvoy();
const toolchain = go.findToolchain();

test("what a real Envoy has in flight is seen by a proxy of ours, and is gone when its calls are", {
  ...LIMIT,
  skip: "missing" in envoy && envoy.missing,
}, async () => {
  if ("missing" in envoy) return;
  const backends = await Promise.all([1, 2].map(() => HoldingBackend.start()));
  await using rig = new ControlPlaneRig();
  await rig.start([
    xdsService(
      HOLD,
      backends.map(({ port }) => `127.0.0.1:${port}`),
    ),
  ]);
  await using caller = await EnvoyProcess.start(envoy.program, rig.folder, rig.port, "DELTA_GRPC");
  const proxy = await XdsProxy.start({ addresses: [`127.0.0.1:${rig.port}`], node: { id: "n1", zone: "a" } });
  const calls = new HeldCalls(caller.address, HOLD);
  const own = new HeldCalls(proxy.address, HOLD);
  const others = async (): Promise<number | undefined> => {
    const { fleet } = JSON.parse(await proxy.admin("/xds?format=json")) as {
      readonly fleet: { readonly services: Readonly<Record<string, { readonly othersInFlight: number }>> };
    };
    return fleet.services[HOLD]?.othersInFlight;
  };
  try {
    await calls.begin(7);
    await own.begin(2);
    await proxy.eventually(async () => (await others()) === 7);
    const load = await rig.load(HOLD);
    assert.deepEqual([load!.callers, load!.endpointsInUse], [2, 2]);
    assert.deepEqual(
      load!.places.map(({ zone, inFlight }) => [zone, inFlight]),
      [["a", 9]],
    );
    calls.close();
    await proxy.eventually(async () => (await others()) === 0);
  } finally {
    calls.close();
    own.close();
    await proxy.stop();
    for (const each of backends) each.stop();
  }
});

describe("gRPC without a proxy", { skip: "missing" in toolchain && toolchain.missing }, () => {
  test("reports its load where its clusters ask it to", LIMIT, async () => {
    if ("missing" in toolchain) return;
    await build(go, toolchain.versions);
    const backends = await Backends.start(go, ["first", "second"]);
    await using rig = new ControlPlaneRig();
    try {
      await rig.start([xdsService(ECHO, backends.addresses)]);
      const env = { GRPC_XDS_BOOTSTRAP: rig.bootstrap("a") };
      const program = { ...go.program, env: { ...go.program.env, ...env } };
      const args = ["load", "--target", `xds:///${ECHO}`, "--authority", ECHO, "--name", "load"];
      const load = new Child(program, args);
      try {
        await until(async () => ((await rig.load(ECHO))?.requestsPerSecond ?? 0) > 1);
        assert.deepEqual(
          (await rig.load(ECHO))!.places.map(({ region, zone }) => [region, zone]),
          [["r", "a"]],
        );
        assert.equal((await rig.stats())["load.unknown_services"], 0);
        assert.ok((await rig.stats())["load.reports.grpc"]! > 0);
      } finally {
        load.endInput();
        await load.waitForEnd(60_000);
      }
      await until(async () => (await rig.load(ECHO)) === undefined);
    } finally {
      await backends.stop();
    }
  });

  test("leaves a zone that has too much to do, by the weights that it is told", LIMIT, async () => {
    if ("missing" in toolchain) return;
    await build(go, toolchain.versions);
    const backends = await Backends.start(go, ["near", "far"]);
    const [near = "", far = ""] = backends.addresses;
    await using rig = new ControlPlaneRig();
    try {
      await rig.start([
        xdsService(ECHO, [
          { at: near, zone: "a" },
          { at: far, zone: "b" },
        ]),
      ]);
      const env = { GRPC_XDS_BOOTSTRAP: rig.bootstrap("a") };
      const program = { ...go.program, env: { ...go.program.env, ...env } };
      const args = ["load", "--target", `xds:///${ECHO}`, "--authority", ECHO, "--name", "load"];
      // What waits at one endpoint is the pressure of its zone.
      const load = new Child(program, [...args, "--delay-ms", "300"]);
      const places = async () => (await rig.load(ECHO))?.places ?? [];
      try {
        await until(async () => (await places()).some(({ inFlight }) => inFlight > 2));
        const began = await places();
        assert.deepEqual(
          began.filter(({ requestsPerSecond }) => requestsPerSecond > 0).map(({ zone }) => zone),
          ["a"],
          "at first it stays in its own zone",
        );
        await until(async () => (await places()).some(({ zone, kept }) => zone === "a" && kept < 1));
        await until(async () => (await places()).some(({ zone, inFlight }) => zone === "b" && inFlight > 0));
        assert.ok((await rig.stats())["load.zone_share_changes"]! > 0);
      } finally {
        load.endInput();
        const { stdout } = await load.waitForEnd(60_000);
        const report = JSON.parse(stdout.trim().split("\n").at(-1)!) as {
          readonly failed: readonly object[];
        };
        assert.deepEqual(report.failed, [], "no call is lost on the way");
      }
    } finally {
      await backends.stop();
    }
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("did not come about within a minute");
}
