import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { describe, test } from "node:test";
import { Backends } from "../../clients/harness/backends.ts";
import { build, FetchError } from "../../clients/harness/build.ts";
import { assertSpread, runChecks } from "../../clients/harness/checks.ts";
import { Child } from "../../clients/harness/child.ts";
import { go } from "../../clients/harness/go.ts";
import { java } from "../../clients/harness/java.ts";
import type { Language } from "../../clients/harness/language.ts";
import { python } from "../../clients/harness/python.ts";
import { ControlPlaneRig, xdsService } from "./control-plane-rig.ts";
import { EVERY_POLICY } from "./every-policy.ts";

const ECHO = "echo.default:50051";
const TARGET = `xds:///${ECHO}`;
const { CI = "" } = process.env;
const LIMIT = { timeout: 30 * 60_000 };
const LOAD_LIMIT_MS = 60_000;

const ROUND_ROBIN = { settings: { loadBalancing: { policy: "round_robin" } } } as const;

/** What a client's load ends with. */
interface LoadReport {
  readonly unary: number;
  readonly streams: number;
  readonly failed: readonly object[];
}

for (const language of [go, python, java]) {
  const toolchain = language.findToolchain();
  const missing = "missing" in toolchain ? toolchain.missing : undefined;
  if (missing !== undefined && CI !== "") throw new Error(`${language.name}: ${missing}`);

  describe(`${language.name} without a proxy, under the control plane`, { skip: missing }, () => {
    test("calls the endpoints of its zone, and the others when those are gone", LIMIT, async (context) => {
      await using setting = await Setting.make(language, context);
      const [first, second, third] = setting.backends.addresses;
      const all = [
        { at: first!, zone: "a" },
        { at: second!, zone: "a" },
        { at: third!, zone: "b" },
      ];
      const { rig } = setting;
      await rig.start([xdsService(ECHO, all, ROUND_ROBIN)]);
      assertSpread(await setting.spread("a"), ["first", "second"], 1.1);
      assertSpread(await setting.spread("b"), ["third"], 1);
      rig.sink.upsert(xdsService(ECHO, [{ at: third!, zone: "b" }], ROUND_ROBIN));
      assertSpread(await setting.spread("a"), ["third"], 1);
      assert.equal((await rig.stats())["ClusterLoadAssignment.refused"], 0);
    });

    test("shares calls with the next zone as its own gets weak", LIMIT, async (context) => {
      await using setting = await Setting.make(language, context);
      const [first, second, third] = setting.backends.addresses;
      // Half of the own zone is left: by 1.4 it may keep 70 % of the calls, as Envoy has it.
      const half = [
        { at: first!, zone: "a" },
        { at: second!, zone: "a", health: "unhealthy" as const },
        { at: third!, zone: "b" },
      ];
      await setting.rig.start([xdsService(ECHO, half, ROUND_ROBIN)]);
      const { first: near = 0, third: far = 0, second: sick = 0 } = await setting.spread("a");
      assert.equal(sick, 0);
      // 300 calls drawn at 0.3: 90 ± 4 standard deviations.
      assert.ok(far > 58 && far < 122, `${near} near, ${far} far`);
    });

    test("accepts every policy and setting", LIMIT, async (context) => {
      await using setting = await Setting.make(language, context);
      const { rig, backends } = setting;
      await rig.start(
        Object.entries(EVERY_POLICY).map(([name, settings]) =>
          xdsService(`${name}.default:80`, backends.addresses, { settings }),
        ),
      );
      for (const name of Object.keys(EVERY_POLICY)) {
        const authority = `${name}.default:80`;
        await runChecks(setting.client("a"), `xds:///${authority}`, authority, ["unary-100"]);
      }
      const stats = await rig.stats();
      for (const type of ["Listener", "RouteConfiguration", "Cluster", "ClusterLoadAssignment"])
        assert.deepEqual([type, stats[`${type}.refused`]], [type, 0]);
    });

    test("loses no call while endpoints change and the control plane restarts", LIMIT, async (context) => {
      await using setting = await Setting.make(language, context);
      const { rig, backends } = setting;
      const [first, second, third] = backends.addresses;
      await rig.start([xdsService(ECHO, [first!, second!], ROUND_ROBIN)]);
      const { program } = setting.client("a");
      const load = new Child(program, ["load", "--target", TARGET, "--authority", ECHO, "--name", "load"]);
      const pause = () => new Promise((resolve) => setTimeout(resolve, 1_500));
      while (((await rig.stats())["ClusterLoadAssignment.accepted"] ?? 0) === 0) await pause();
      await pause();
      rig.sink.upsert(xdsService(ECHO, [second!, third!], ROUND_ROBIN));
      await pause();
      rig.sink.upsert(
        xdsService(ECHO, [second!, third!], { ...ROUND_ROBIN, cluster: { connectTimeoutMs: 700 } }),
      );
      await rig.stop();
      await pause();
      await rig.start([xdsService(ECHO, [first!, third!], ROUND_ROBIN)], rig.port);
      await pause();
      await pause();
      load.endInput();
      const { stdout, stderr } = await load.waitForEnd(LOAD_LIMIT_MS);
      const report = JSON.parse(stdout.trim().split("\n").at(-1) ?? "null") as LoadReport;
      assert.deepEqual(report.failed, [], stderr);
      assert.ok(report.unary > 4 && report.streams > 0, stdout);
    });
  });
}

/** Servers of grpc-go, a control plane, and clients of one language. */
class Setting {
  readonly rig = new ControlPlaneRig();
  readonly backends: Backends;
  readonly #language: Language;

  private constructor(language: Language, backends: Backends) {
    this.#language = language;
    this.backends = backends;
  }

  /** Skips the test where programs cannot be built for want of packages. */
  static async make(language: Language, context: TestContext): Promise<Setting> {
    for (const each of new Set([language, go])) {
      const toolchain = each.findToolchain();
      if ("missing" in toolchain) throw new Error(`${each.name}: ${toolchain.missing}`);
      try {
        await build(each, toolchain.versions);
      } catch (error) {
        if (error instanceof FetchError && CI === "") context.skip(error.message);
        throw error;
      }
    }
    return new Setting(language, await Backends.start(go, ["first", "second", "third"]));
  }

  /** @returns the language's client as one in this zone. */
  client(zone: string): Language {
    const { program } = this.#language;
    const env = { ...program.env, GRPC_XDS_BOOTSTRAP: this.rig.bootstrap(zone) };
    return { ...this.#language, program: { ...program, env } };
  }

  async spread(zone: string): Promise<Readonly<Record<string, number>>> {
    return await runChecks(this.client(zone), TARGET, ECHO, ["unary-100", "spread"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backends.stop();
    await this.rig[Symbol.asyncDispose]();
  }
}
