// Writes deploy/monitoring and docs/alerts.md from scripts/monitoring; with --check only says whether they are up to date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { stringify } from "yaml";
import { alertsPage } from "./monitoring/alerts-page.ts";
import { DASHBOARDS } from "./monitoring/dashboards.ts";
import { ruleGroups } from "./monitoring/rule-groups.ts";

const HEAD = "# Generated from scripts/monitoring by scripts/gen-monitoring.ts; edit those, not this file.\n";
const root = new URL("../", import.meta.url);

const yaml = (value: object): string =>
  HEAD + stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

/** @returns the generated files by their paths in the repository. */
export function monitoringFiles(): ReadonlyMap<string, string> {
  const groups = ruleGroups();
  const dashboards = DASHBOARDS.map(({ file, dashboard }) => {
    return [`deploy/monitoring/dashboards/${file}`, `${JSON.stringify(dashboard, undefined, 1)}\n`] as const;
  });
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: "isobar-system",
    resources: ["prometheus-rule.yaml"],
    configMapGenerator: [
      {
        name: "isobar-dashboards",
        files: DASHBOARDS.map(({ file }) => `dashboards/${file}`),
        // Grafana's sidecar looks for this label.
        options: { labels: { grafana_dashboard: "1" }, disableNameSuffixHash: true },
      },
    ],
  };
  return new Map([
    ["deploy/monitoring/rules.yaml", yaml({ groups })],
    [
      "deploy/monitoring/prometheus-rule.yaml",
      yaml({
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: {
          name: "isobar",
          namespace: "isobar-system",
          labels: { "app.kubernetes.io/name": "isobar" },
        },
        spec: { groups },
      }),
    ],
    ["deploy/monitoring/kustomization.yaml", yaml(kustomization)],
    ["docs/alerts.md", alertsPage()],
    ...dashboards,
  ]);
}

function main(): void {
  for (const [path, text] of monitoringFiles()) {
    const file = new URL(path, root);
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
    if (process.argv.includes("--check")) {
      console.error(`${path} is not up to date: run node scripts/gen-monitoring.ts`);
      process.exitCode = 1;
    } else {
      mkdirSync(dirname(file.pathname), { recursive: true });
      writeFileSync(file, text);
      console.log(`${path} written`);
    }
  }
}

if (process.argv[1] !== undefined && import.meta.filename === resolve(process.argv[1])) main();
