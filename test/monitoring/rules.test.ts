import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse, stringify } from "yaml";
import { monitoringFiles } from "../../scripts/gen-monitoring.ts";
import { CONTROL_PLANE_ALERTS, NODE_ALERTS, SERVICE_ALERTS } from "../../scripts/monitoring/alerts.ts";
import { RECORDING_RULES } from "../../scripts/monitoring/recording-rules.ts";
import { CONTROL_PLANE_METRIC } from "../../src/control-plane/control-plane-catalog.ts";
import { METRIC } from "../../src/telemetry/metric-catalog.ts";
import type { CaseSeries } from "./alert-cases.ts";
import { ALERT_CASES } from "./alert-cases.ts";

const ROOT = new URL("../../", import.meta.url);
const RULES = new URL("deploy/monitoring/rules.yaml", ROOT);
const ALERTS = [...SERVICE_ALERTS, ...NODE_ALERTS, ...CONTROL_PLANE_ALERTS];
const skip = spawnSync("promtool", ["--version"]).error !== undefined && "promtool is not installed";

/** Runs cases of promtool's rule tests. @returns what is wrong, empty for nothing. */
function promtool(tests: readonly object[]): string {
  const folder = mkdtempSync(join(tmpdir(), "isobar-rules-"));
  try {
    const file = join(folder, "tests.yaml");
    writeFileSync(file, stringify({ rule_files: [RULES.pathname], evaluation_interval: "1m", tests }));
    const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
    return status === 0 ? "" : stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function series(values: CaseSeries): readonly object[] {
  return Object.entries(values).map(([name, each]) => ({ series: name, values: each }));
}

function expectAlert(name: string, input: CaseSeries, at: string, firing: boolean): object {
  const expr = `count(ALERTS{alertname="${name}", alertstate="firing"}) or vector(0)`;
  return {
    name: `${name} ${firing ? "fires" : "stays quiet"}`,
    interval: "1m",
    input_series: series(input),
    promql_expr_test: [{ expr, eval_time: at, exp_samples: [{ labels: "{}", value: firing ? 1 : 0 }] }],
  };
}

describe("alerts and recording rules", () => {
  it("are what the sources say, and so are their page and the dashboards", () => {
    for (const [path, text] of monitoringFiles())
      assert.equal(readFileSync(new URL(path, ROOT), "utf8"), text, `${path}: run npm run pages`);
  });

  it("stand in the PrometheusRule as they stand in the rules file", () => {
    const read = (path: string) =>
      parse(readFileSync(new URL(path, ROOT), "utf8")) as Record<string, unknown>;
    const { groups } = read("deploy/monitoring/rules.yaml");
    assert.deepEqual(
      (read("deploy/monitoring/prometheus-rule.yaml")["spec"] as { groups: unknown }).groups,
      groups,
    );
  });

  it("use metrics that there are", () => {
    const known = new Set<string>();
    for (const { name, type } of [...Object.values(METRIC), ...Object.values(CONTROL_PLANE_METRIC)]) {
      known.add(name);
      if (type === "histogram") for (const end of ["bucket", "sum", "count"]) known.add(`${name}_${end}`);
    }
    const recorded = new Set(RECORDING_RULES.map(({ record }) => record));
    for (const { expr } of [...ALERTS, ...RECORDING_RULES]) {
      for (const [name] of expr.matchAll(/\bisobar_[a-z0-9_]+/g)) assert.ok(known.has(name), name);
      for (const [name] of expr.matchAll(/\bisobar:[a-z0-9_:]+/g)) assert.ok(recorded.has(name), name);
    }
  });

  it("have a page for each, under the address they name, and a case for each", () => {
    const page = readFileSync(new URL("docs/alerts.md", ROOT), "utf8");
    for (const { name } of ALERTS) assert.ok(page.includes(`\n### ${name}\n`), name);
    assert.deepEqual(Object.keys(ALERT_CASES).sort(), ALERTS.map(({ name }) => name).sort());
  });

  it("are accepted by promtool", { skip }, () => {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", RULES.pathname], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
  });

  for (const { name } of ALERTS) {
    it(`${name} fires when it should, and not when it nearly should`, { skip }, () => {
      const tests = ALERT_CASES[name]!.flatMap(({ fires, quiet, at = "30m" }) => [
        expectAlert(name, fires, at, true),
        expectAlert(name, quiet, at, false),
      ]);
      assert.equal(promtool(tests), "");
    });
  }

  it("a test of a rule can fail: what fires is not quiet", { skip }, () => {
    const { fires } = ALERT_CASES["IsobarConfigRejected"]![0]!;
    assert.match(
      promtool([expectAlert("IsobarConfigRejected", fires, "30m", false)]),
      /IsobarConfigRejected/,
    );
  });

  it("record evenness, calls in flight and shares as they are defined", { skip }, () => {
    const dst = `dst_namespace="shop", dst_service="ledger", dst_port="50051"`;
    const input: CaseSeries = {
      [`isobar_cp_endpoint_requests_total{${dst}, endpoint="a", dst_zone="x", instance="1"}`]: "0+60x60",
      // Of two replicas of the control plane each tells what its own clients report.
      [`isobar_cp_endpoint_requests_total{${dst}, endpoint="a", dst_zone="x", instance="2"}`]: "0+60x60",
      [`isobar_cp_endpoint_requests_total{${dst}, endpoint="b", dst_zone="x", instance="1"}`]: "0+120x60",
      [`isobar_cp_endpoint_requests_total{${dst}, endpoint="c", dst_zone="y", instance="1"}`]: "0+0x60",
      [`isobar_streams_active{${dst}, instance="n1"}`]: "12x60",
      [`isobar_streams_active{${dst}, instance="n2"}`]: "18x60",
      [`isobar_endpoints{${dst}, instance="n1", state="healthy"}`]: "10x60",
      [`isobar_endpoints{${dst}, instance="n2", state="healthy"}`]: "10x60",
      [`isobar_bytes_total{${dst}, instance="n1", direction="request", locality="same_zone"}`]: "0+300x60",
      [`isobar_bytes_total{${dst}, instance="n1", direction="request", locality="cross_zone"}`]: "0+100x60",
    };
    const is = (expr: string, value: number) => ({
      expr: `round(${expr}, 0.0001)`,
      eval_time: "30m",
      exp_samples: [{ labels: `{${dst}}`, value }],
    });
    const promql_expr_test = [
      is("isobar:service_skew:max_over_mean", 1.5),
      is("isobar:service_skew:cv", Number(Math.SQRT1_2.toFixed(4))),
      is("isobar:service_inflight_per_endpoint", 3),
      is("isobar:cross_zone:ratio", 0.25),
    ];
    assert.equal(promtool([{ interval: "1m", input_series: series(input), promql_expr_test }]), "");
  });
});
