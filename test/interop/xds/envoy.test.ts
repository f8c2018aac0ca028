import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backends } from "../../clients/harness/backends.ts";
import { build } from "../../clients/harness/build.ts";
import { assertSpread, runChecks } from "../../clients/harness/checks.ts";
import { go } from "../../clients/harness/go.ts";
import { installEnvoy } from "../envoy/install-envoy.ts";
import { ControlPlaneRig, xdsService } from "./control-plane-rig.ts";
import { EnvoyProcess } from "./envoy-process.ts";
import { EVERY_POLICY } from "./every-policy.ts";

const ECHO = "echo.default:50051";
const CANARY = "canary.default:50051";
const envoy = installEnvoy();
const toolchain = go.findToolchain();
const missing = "missing" in envoy ? envoy.missing : "missing" in toolchain && toolchain.missing;
const ROUND_ROBIN = { settings: { loadBalancing: { policy: "round_robin" } } } as const;
const LIMIT = { timeout: 15 * 60_000 };

for (const form of ["GRPC", "DELTA_GRPC"] as const) {
  describe(`Envoy under the control plane, ${form === "GRPC" ? "state of the world" : "delta"}`, {
    skip: missing,
  }, () => {
    if ("missing" in envoy || "missing" in toolchain) return;
    const { program } = envoy;
    const { versions } = toolchain;

    test("calls real backends, follows changes at once, and never waits for endpoints", LIMIT, async () => {
      await build(go, versions);
      const backends = await Backends.start(go, ["first", "second", "third"]);
      const [first, second, third] = backends.addresses;
      await using rig = new ControlPlaneRig();
      try {
        await rig.start([xdsService(ECHO, [first!, second!], ROUND_ROBIN)]);
        await using proxy = await EnvoyProcess.start(program, rig.folder, rig.port, form);
        const spread = () => runChecks(go, proxy.address, ECHO, ["unary-100", "spread"]);
        assertSpread(await spread(), ["first", "second"], 1.1);

        rig.sink.upsert(xdsService(ECHO, [second!, third!], ROUND_ROBIN));
        await proxy.until("the third is known", async () => (await proxy.endpoints(ECHO)).includes(third!));
        assertSpread(await spread(), ["second", "third"], 1.1);

        // A changed cluster is prepared anew; it must not take the 15 s that Envoy waits for endpoints that do not come.
        const begun = performance.now();
        rig.sink.upsert(
          xdsService(ECHO, [second!, third!], { ...ROUND_ROBIN, cluster: { connectTimeoutMs: 700 } }),
        );
        await proxy.until("the cluster has been taken up", async () => {
          const stats = await proxy.stats();
          return (
            stats.get("cluster_manager.cluster_modified")! > 0 &&
            stats.get("cluster_manager.warming_clusters") === 0
          );
        });
        assert.ok(performance.now() - begun < 10_000);
        assert.equal((await proxy.stats()).get(`cluster.${ECHO}.init_fetch_timeout`) ?? 0, 0);
        assertSpread(await spread(), ["second", "third"], 1.1);
        assert.equal((await rig.stats())["Cluster.refused"], 0);
      } finally {
        await backends.stop();
      }
    });

    test("accepts every policy and setting", LIMIT, async () => {
      await using rig = new ControlPlaneRig();
      const names = Object.keys(EVERY_POLICY);
      const route = {
        name: "canary",
        authorities: [ECHO],
        matches: [
          { path: "/isobar.test.Echo/*", headers: [{ name: "x-canary", kind: "exact", value: "yes" }] },
          { path: "/isobar.test.Echo/Unary", headers: [{ name: "x-tenant", kind: "absent", value: "" }] },
        ],
        clusters: [
          { name: ECHO, weight: 90 },
          { name: CANARY, weight: 10 },
        ],
        sticky: null,
        endpoints: null,
        policy: { timeouts: { requestMs: 1_000, idleMs: 0 }, retries: null },
        requestHeaders: { set: { "x-side": "canary" }, add: { "x-more": "1" }, remove: ["x-debug"] },
        responseHeaders: { set: {}, add: { "x-by": "isobar" }, remove: [] },
        mirror: {
          cluster: CANARY,
          percent: 12.5,
          maxRequests: 1,
          maxPerSecond: 1,
          maxBodyOctets: 1,
          timeoutMs: 1,
        },
      } as const;
      await rig.start([
        ...names.map((name) =>
          xdsService(`${name}.default:80`, ["127.0.0.1:9"], { settings: EVERY_POLICY[name]! }),
        ),
        xdsService(CANARY, ["127.0.0.1:9"]),
        xdsService(ECHO, ["127.0.0.1:9"], { routes: [route] }),
      ]);
      await using proxy = await EnvoyProcess.start(program, rig.folder, rig.port, form);
      const [client] = await rig.clients();
      assert.deepEqual(
        client!.types.flatMap(({ refused }) => refused),
        [],
      );
      const stats = await proxy.stats();
      assert.equal(stats.get("cluster_manager.cds.update_rejected"), 0);
      assert.equal(stats.get("cluster_manager.active_clusters"), names.length + 3);
      assert.equal(stats.get("http.in.rds.isobar.update_rejected"), 0);
    });

    test(
      "goes on while the control plane is away, and is not given less when it comes back",
      LIMIT,
      async () => {
        await build(go, versions);
        const backends = await Backends.start(go, ["first", "second"]);
        await using rig = new ControlPlaneRig();
        try {
          await rig.start([xdsService(ECHO, [backends.addresses[0]!], ROUND_ROBIN)]);
          await using proxy = await EnvoyProcess.start(program, rig.folder, rig.port, form);
          await rig.stop();
          assertSpread(await runChecks(go, proxy.address, ECHO, ["spread"]), ["first"], 1);
          await rig.start([xdsService(ECHO, backends.addresses, ROUND_ROBIN)], rig.port);
          await proxy.until("it has come back", async () => (await proxy.endpoints(ECHO)).length === 2);
          assertSpread(await runChecks(go, proxy.address, ECHO, ["spread"]), ["first", "second"], 1.1);
          assert.equal((await proxy.stats()).get("cluster_manager.cluster_removed"), 0);
        } finally {
          await backends.stop();
        }
      },
    );
  });
}
