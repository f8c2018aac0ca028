// The files that the Helm chart has in common with the manifests, which a chart cannot read where they are: node scripts/gen-release-chart.ts [--check]
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
/** From the folder of the manifests to that of the chart, and which files. */
const COPIES: readonly (readonly [from: string, to: string, files: RegExp])[] = [
  ["deploy/crds", "charts/isobar/crds", /^isobar\.dev_.*\.yaml$/],
  ["deploy/monitoring", "charts/isobar/files", /^prometheus-rule\.yaml$/],
  ["deploy/monitoring/dashboards", "charts/isobar/files/dashboards", /\.json$/],
];

const isCheck = process.argv.includes("--check");
for (const [from, to, files] of COPIES) {
  const names = readdirSync(join(ROOT, from)).filter((name) => files.test(name));
  if (!isCheck) mkdirSync(join(ROOT, to), { recursive: true });
  const stale = namesIn(join(ROOT, to)).filter((name) => files.test(name) && !names.includes(name));
  for (const name of [...names, ...stale]) {
    const text = names.includes(name) ? readFileSync(join(ROOT, from, name), "utf8") : undefined;
    const target = join(ROOT, to, name);
    if (!isCheck) {
      if (text === undefined) rmSync(target);
      else writeFileSync(target, text);
    } else if (text !== textOf(target)) {
      console.error(`${to}/${name} is not up to date: run node scripts/gen-release-chart.ts`);
      process.exitCode = 1;
    }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
