import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { missingForBox, missingPrograms } from "./harness/missing-for-box.ts";
import { TenMinuteStage } from "./harness/ten-minute-stage.ts";
import { walkTenMinutes } from "./harness/ten-minute-walk.ts";
import { Transcript } from "./harness/transcript.ts";

const USAGE = `usage: npm run ten-minutes -- [options]
  the first ten minutes with Isobar, from assess to uninstalled, on a cluster in a box; ends with 0 when all came as expected
  --write PAGE   make this page of it
  --help
`;
const HEAD = `# The first ten minutes

From a look at Prometheus to uninstalled, as \`npm run ten-minutes\` walks it in the [cluster in a box](../test/box/README.md): one node, a real API server, a Service of three Pods, a
client in Go with one connection that calls all the while, four unary calls at a time and two streams. This page is what it printed; \`test/box/ten-minutes.test.ts\` walks it again, and compares.
On a cluster with kubelets nobody has walked it. The box has no controllers: control plane, proxy and capture are started by the harness, not by the manifests that are applied.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { write: { type: "string" }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const missing = missingForBox() ?? missingPrograms(["kubectl", "prometheus"]);
  if (missing !== undefined) {
    process.stderr.write(`ten-minutes: ${missing}\n`);
    return 69;
  }
  await using stage = await TenMinuteStage.open();
  const told = new Transcript((text) => process.stdout.write(text));
  await walkTenMinutes(stage, told);
  const { failures } = told;
  const end = `In all ${told.seconds.toFixed(0)} s, the cluster's own start not counted.\n`;
  process.stdout.write(failures.length === 0 ? end : `not as expected:\n${failures.join("\n")}\n`);
  if (failures.length > 0) return 1;
  if (values.write !== undefined) writeFileSync(values.write, `${HEAD}\n${told.text}\n${end}`);
  return 0;
}

process.exitCode = await main();
