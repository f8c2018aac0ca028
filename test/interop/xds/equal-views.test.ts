import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backends } from "../../clients/harness/backends.ts";
import { build } from "../../clients/harness/build.ts";
import { runChecks } from "../../clients/harness/checks.ts";
import { go } from "../../clients/harness/go.ts";
import { installEnvoy } from "../envoy/install-envoy.ts";
import { ControlPlaneRig, xdsService } from "./control-plane-rig.ts";
import { EnvoyProcess } from "./envoy-process.ts";
import { IsobarProcess } from "./isobar-process.ts";

const ECHO = "echo.default:50051";
const ROUND_ROBIN = { settings: { loadBalancing: { policy: "round_robin" } } } as const;
const LIMIT_MS = 60_000;

const envoy = installEnvoy();
const toolchain = go.findToolchain();
const missing = "missing" in envoy ? envoy.missing : "missing" in toolchain && toolchain.missing;

describe("at every quiet point", { skip: missing }, () => {
  if ("missing" in envoy || "missing" in toolchain) return;
  const { program } = envoy;

  test("a proxy of ours, Envoy in both forms and gRPC itself believe the same", {
    timeout: 15 * 60_000,
  }, async () => {
    await build(go, toolchain.versions);
    const backends = await Backends.start(go, ["first", "second", "third"]);
    const [first, second, third] = backends.addresses as [string, string, string];
    const names = new Map(
      backends.addresses.map((address, i) => [address, ["first", "second", "third"][i]!]),
    );
    await using rig = new ControlPlaneRig();
    try {
      await rig.start([xdsService(ECHO, [first, second], ROUND_ROBIN)]);
      await using isobar = await IsobarProcess.start(rig.folder, rig.port);
      await using whole = await EnvoyProcess.start(program, rig.folder, rig.port, "GRPC");
      await using delta = await EnvoyProcess.start(program, rig.folder, rig.port, "DELTA_GRPC");
      const env = { GRPC_XDS_BOOTSTRAP: rig.bootstrap("a") };
      const proxyless = { ...go, program: { ...go.program, env } };
      // A proxy of ours asks for what is called through it.
      await runChecks(go, isobar.address, ECHO, ["unary-0"]);

      /** Every client has answered everything, and is sent nothing more: an Envoy takes routes after the clusters they lead to. */
      const quiet = async (): Promise<void> => {
        for (let looks = 0; looks < 3; looks++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          const types = (await rig.clients()).flatMap((client) => client.types);
          if (types.some(({ unanswered }) => unanswered > 0)) looks = -1;
        }
      };
      /** A program of gRPC that starts while there is no control plane knows nothing: it is asked only where there is one. */
      const agreeOn = async (addresses: readonly string[], isServed = true): Promise<void> => {
        const wanted = [...addresses].sort();
        const held = async () =>
          Promise.all([isobar.endpoints(ECHO), whole.endpoints(ECHO), delta.endpoints(ECHO)]);
        const end = performance.now() + LIMIT_MS;
        while ((await held()).some((each) => each.join() !== wanted.join())) {
          assert.ok(
            performance.now() < end,
            `wanted ${wanted.join()}, found ${JSON.stringify(await held())}`,
          );
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        if (isServed) await quiet();
        if (addresses.length === 0) return;
        const served = addresses.map((address) => names.get(address)).sort();
        for (const [language, target] of [
          ...(isServed ? [[proxyless, `xds:///${ECHO}`] as const] : []),
          [go, isobar.address],
          [go, whole.address],
          [go, delta.address],
        ] as const) {
          const spread = await runChecks(language, target, ECHO, ["unary-0", "spread"]);
          assert.deepEqual(Object.keys(spread).sort(), served, target);
        }
      };

      await agreeOn([first, second]);
      rig.sink.upsert(xdsService(ECHO, [first, second, third], ROUND_ROBIN));
      await agreeOn([first, second, third]);
      rig.sink.upsert(xdsService(ECHO, [first, { at: second, health: "draining" }, third], ROUND_ROBIN));
      rig.sink.upsert(
        xdsService(ECHO, [first, third], { ...ROUND_ROBIN, cluster: { connectTimeoutMs: 700 } }),
      );
      await agreeOn([first, third]);
      await rig.stop();
      await agreeOn([first, third], false);
      await rig.start([xdsService(ECHO, [third, second], ROUND_ROBIN)], rig.port);
      await agreeOn([second, third]);
      rig.sink.remove(ECHO);
      await agreeOn([]);
      rig.sink.upsert(xdsService(ECHO, [first, second], ROUND_ROBIN));
      await agreeOn([first, second]);
      const refused = (await rig.clients()).flatMap(({ types }) => types.flatMap((type) => type.refused));
      assert.deepEqual(refused, []);
    } finally {
      await backends.stop();
    }
  });
});
