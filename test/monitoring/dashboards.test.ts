import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DASHBOARDS } from "../../scripts/monitoring/dashboards.ts";
import { RECORDING_RULES } from "../../scripts/monitoring/recording-rules.ts";
import { MonitoredFleet } from "./monitored-fleet.ts";

const skip = spawnSync("prometheus", ["--version"]).error !== undefined && "Prometheus is not installed";
const LIMIT_MS = 90_000;

describe("dashboards, with a Prometheus that scrapes a proxy and a control plane", { skip }, () => {
  let fleet: MonitoredFleet;
  before(async () => {
    fleet = await MonitoredFleet.start();
  });
  after(async () => {
    await fleet.stop();
  });

  /** @returns the query's series; waits for them where there are to be any. */
  async function ask(expr: string, wantsData: boolean): Promise<number> {
    const end = performance.now() + LIMIT_MS;
    for (;;) {
      const { status, error, data } = await fleet.query(expr);
      assert.equal(status, "success", `${expr}\n${error}`);
      const found = data!.result.length;
      if (found > 0 || !wantsData) return found;
      assert.ok(performance.now() < end, `no data for ${expr}`);
      await sleep(500);
    }
  }

  for (const { file, panels } of DASHBOARDS) {
    it(`${file}: the query of every panel parses and returns data`, async () => {
      await ask("isobar_streams_started_total", true);
      const { data } = await fleet.query("isobar_streams_started_total");
      const instance = data?.result[0]?.metric["instance"];
      const known: Readonly<Record<string, string>> = {
        namespace: "shop",
        service: "echo",
        instance: instance ?? "",
      };
      for (const { title, targets, needs } of panels) {
        assert.ok(targets.length > 0, title);
        for (const { expr } of targets) {
          const query = expr.replaceAll(/\$(\w+)/g, (_, name: string) => known[name] ?? assert.fail(name));
          await ask(query, needs === undefined);
        }
      }
    });
  }

  it("every recording rule has values, and evenness is that of two endpoints that share the load", async () => {
    for (const { record } of RECORDING_RULES) await ask(record, true);
    const { data } = await fleet.query("isobar:service_skew:max_over_mean");
    const skew = Number(data!.result[0]!.value[1]);
    assert.ok(skew >= 1 && skew <= 2, String(skew));
  });

  it("no alert fires where all is well", async () => {
    const { data } = await fleet.query(`ALERTS{alertstate="firing"}`);
    assert.deepEqual(
      data!.result.map(({ metric }) => metric["alertname"]),
      [],
    );
  });
});
