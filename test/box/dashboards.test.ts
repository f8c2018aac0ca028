import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DASHBOARDS } from "../../scripts/monitoring/dashboards.ts";
import { Child } from "../clients/harness/child.ts";
import { go } from "../clients/harness/go.ts";
import type { QueryAnswer } from "../monitoring/monitored-fleet.ts";
import { BoxLoad } from "./harness/box-load.ts";
import type { BoxNode } from "./harness/box-node.ts";
import { METRICS } from "./harness/box-node.ts";
import { BoxShop, captured, current } from "./harness/box-shop.ts";
import { boxSuite } from "./harness/missing-for-box.ts";

const RULES = fileURLToPath(new URL("../../deploy/monitoring/rules.yaml", import.meta.url));
const PROMETHEUS = "127.0.0.1:9090";
const CONTROL_PLANE_PORT = 15_021;
const LIMIT_MS = 60_000;

describe("dashboards, with a Prometheus on a node", boxSuite([go], ["prometheus"]), () => {
  let shop: BoxShop;
  let node: BoxNode;
  let folder: string;
  let prometheus: Child;
  const loads: BoxLoad[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "isobar-box-dashboards-"));
    shop = await BoxShop.open({ isobar: false, annotations: { mode: "transparent", reclaim: "off" } });
    const { box, echo } = shop;
    node = box.nodes[0]!;
    // Its connection was there before anything was captured, and stays past the proxy.
    const early = await box.pod("shop", "early");
    loads.push(new BoxLoad(early, go, "early", echo));
    await sleep(1_000);
    const metrics = `${box.network.outside}:${CONTROL_PLANE_PORT}`;
    await box.startControlPlane("--metrics", metrics);
    const proxy = node.startProxy({ more: { metrics: METRICS } });
    node.startCapture();
    await proxy.ready();
    await current(node, proxy.generation);
    const late = await box.pod("shop", "late");
    await captured(node, late);
    loads.push(new BoxLoad(late, go, "late", echo));
    const file = join(folder, "prometheus.yml");
    const scraped = [
      { job_name: "isobar-proxy", static_configs: [{ targets: [METRICS.address] }] },
      { job_name: "isobar-control-plane", static_configs: [{ targets: [metrics] }] },
    ];
    const every = { scrape_interval: "1s", evaluation_interval: "1s" };
    writeFileSync(file, JSON.stringify({ global: every, rule_files: [RULES], scrape_configs: scraped }));
    const where = [`--web.listen-address=${PROMETHEUS}`, `--storage.tsdb.path=${join(folder, "data")}`];
    const command = { command: "prometheus", args: [`--config.file=${file}`, ...where] };
    prometheus = new Child(node.network.namespace.enter(command), []);
  });
  after(async () => {
    for (const load of loads) await load.finish().catch(() => undefined);
    await prometheus?.stop();
    await shop?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Asks the node's Prometheus from the node. */
  function query(expr: string): QueryAnswer | undefined {
    const url = `http://${PROMETHEUS}/api/v1/query?query=${encodeURIComponent(expr)}`;
    const script = `fetch(${JSON.stringify(url)}).then((answer) => answer.text()).then((text) => process.stdout.write(text), () => {})`;
    const text = node.network.namespace.run(process.execPath, ["-e", script]);
    return text === "" ? undefined : (JSON.parse(text) as QueryAnswer);
  }

  async function hasData(title: string, expr: string): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS;
    for (;;) {
      const answer = query(expr);
      assert.notEqual(answer?.status, "error", `${title}: ${expr}\n${answer?.error}`);
      if ((answer?.data?.result.length ?? 0) > 0) return;
      assert.ok(performance.now() < untilMs, `${title}: no data for ${expr}`);
      await sleep(500);
    }
  }

  for (const { file, panels } of DASHBOARDS) {
    it(`${file}: every panel has data where traffic is captured and services come from Kubernetes`, async () => {
      await hasData("scrape", "isobar_streams_started_total");
      const [{ metric } = { metric: {} }] = query("isobar_streams_started_total")?.data?.result ?? [];
      const known: Readonly<Record<string, string>> = {
        namespace: "shop",
        service: "echo",
        instance: (metric as Readonly<Record<string, string>>)["instance"] ?? "",
      };
      for (const { title, targets } of panels) {
        for (const { expr } of targets)
          await hasData(
            title,
            expr.replaceAll(/\$(\w+)/g, (_, name: string) => known[name] ?? assert.fail(name)),
          );
      }
    });
  }
});
