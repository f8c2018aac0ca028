import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";

const FOLDER = new URL("../../deploy/monitoring/", import.meta.url);
const skip = spawnSync("promtool", ["--version"]).error !== undefined && "promtool is not installed";

/** What is read of the three files. */
interface Examples {
  readonly data: { readonly "config.yaml": string };
  readonly spec: {
    readonly metrics: readonly {
      readonly external: {
        readonly metric: {
          readonly name: string;
          readonly selector: { readonly matchLabels: Record<string, string> };
        };
        readonly target: { readonly averageValue: string };
      };
    }[];
    readonly triggers: readonly {
      readonly metadata: { readonly query: string; readonly threshold: string };
    }[];
  };
}

/** What is read of prometheus-adapter's configuration. */
interface Adapter {
  readonly externalRules: readonly {
    readonly name: { readonly as: string };
    readonly metricsQuery: string;
  }[];
}

function example(name: string): Examples {
  return parse(readFileSync(new URL(`autoscaling/${name}`, FOLDER), "utf8")) as Examples;
}

/** Evaluates a query with 100 calls in flight on two nodes, and 60 of another service. @returns what promtool says against it. */
function evaluate(expr: string, labels: string, value: number): string {
  const folder = mkdtempSync(join(tmpdir(), "isobar-scale-"));
  try {
    const series = (instance: string, service: string, values: string) => ({
      series: `isobar_streams_active{instance="${instance}", dst_namespace="shop", dst_service="${service}", dst_port="80"}`,
      values,
    });
    const tests = [
      {
        interval: "1m",
        input_series: [
          series("1", "ledger", "70x20"),
          series("2", "ledger", "30x20"),
          series("1", "other", "60x20"),
        ],
        promql_expr_test: [{ expr, eval_time: "15m", exp_samples: [{ labels, value }] }],
      },
    ];
    const file = join(folder, "tests.yaml");
    const rules = fileURLToPath(new URL("rules.yaml", FOLDER));
    writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: "1m", tests }));
    const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
    return status === 0 ? "" : stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it("the autoscaler's metric is the adapter's, whose query counts the calls in flight of that service alone", {
  skip,
}, () => {
  const { externalRules } = parse(example("prometheus-adapter.yaml").data["config.yaml"]) as Adapter;
  const [rule] = externalRules;
  const [metric] = example("hpa.yaml").spec.metrics;
  assert.equal(metric!.external.metric.name, rule!.name.as);
  // As the adapter fills its template in for a metric of the namespace with this selector.
  const { dst_service: service } = metric!.external.metric.selector.matchLabels;
  const query = rule!.metricsQuery
    .replace("<<.LabelMatchers>>", `dst_namespace="shop", dst_service="${service}"`)
    .replace("<<.GroupBy>>", "dst_namespace");
  assert.equal(evaluate(query, `{dst_namespace="shop"}`, 100), "");
  // 100 in flight, 24 for each Pod.
  assert.equal(Math.ceil(100 / Number(metric!.external.target.averageValue)), 5);
});

it("KEDA's query is the same, and its threshold too", { skip }, () => {
  const [trigger] = example("keda.yaml").spec.triggers;
  assert.equal(evaluate(trigger!.metadata.query, "{}", 100), "");
  assert.notEqual(evaluate(trigger!.metadata.query, "{}", 101), "");
  const [metric] = example("hpa.yaml").spec.metrics;
  assert.equal(trigger!.metadata.threshold, metric!.external.target.averageValue);
});
