// Measures what a request costs in Isobar, Envoy, nghttpx and HAProxy. bench/README.md has the method.
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { buildPrograms } from "./lib/build-programs.ts";
import type { Context } from "./lib/context.ts";
import { formatJudgements, formatRow } from "./lib/format-table.ts";
import { describeMachine } from "./lib/machine.ts";
import type { RowName } from "./lib/options.ts";
import { parseOptions } from "./lib/options.ts";
import { createProgress } from "./lib/progress.ts";
import type { RowResult } from "./lib/results.ts";
import { startBackends } from "./lib/start-backends.ts";
import { startProxies } from "./lib/start-proxies.ts";
import { allocationsRow } from "./rows/allocations-row.ts";
import { classesRow } from "./rows/classes-row.ts";
import { comparedRow } from "./rows/compared-row.ts";
import { comparedWork } from "./rows/compared-work.ts";
import { explainRow, tracingRow } from "./rows/explain-row.ts";
import { featuresRow } from "./rows/features-row.ts";
import { goBackendRow } from "./rows/go-backend-row.ts";
import { h2loadRow } from "./rows/h2load-row.ts";
import { memoryRow } from "./rows/memory-row.ts";
import { mtlsRow } from "./rows/mtls-row.ts";
import { octetsRow } from "./rows/octets-row.ts";
import { rateRow } from "./rows/rate-row.ts";
import { syscallsRow } from "./rows/syscalls-row.ts";
import { workersRow } from "./rows/workers-row.ts";

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (Math.max(options.proxyCore, options.loaderCore) >= availableParallelism()) {
    process.stderr.write("bench: needs two cores, one for the proxy and one for the load\n");
    return 69;
  }
  const programs = buildPrograms();
  await using backends = await startBackends(options.loaderCore, programs.backend);
  await using started = await startProxies(options);
  const { proxies, skipped } = started;
  const context: Context = { options, programs, backends, proxies, skipped, progress: createProgress() };
  const rows: RowResult[] = [];
  for (const name of options.rows) {
    for (const row of await runRow(context, name)) {
      context.progress.clear();
      process.stdout.write(`${formatRow(row)}\n`);
      rows.push(row);
    }
  }
  const judgements = rows.flatMap((row) => row.judgements);
  for (const [what, why] of skipped) {
    process.stdout.write(`skipped ${what}: ${why}\n`);
  }
  if (judgements.length > 0) {
    process.stdout.write(`${formatJudgements(judgements)}\n`);
  }
  if (options.json !== undefined) {
    const machine = describeMachine(proxies);
    const report = { machine, options, skipped: Object.fromEntries(skipped), judgements, rows };
    writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
  }
  const bad = judgements.filter((one) => one.verdict !== "ok");
  if (options.check && bad.length > 0) {
    process.stderr.write(
      `bench: ${bad.length} limits missed or not judged: ${[...new Set(bad.map((one) => one.row))].join(", ")}\n`,
    );
    return 1;
  }
  return 0;
}

async function runRow(context: Context, name: RowName): Promise<RowResult[]> {
  switch (name) {
    case "memory":
      return [await memoryRow(context)];
    case "syscalls":
      return [await syscallsRow(context)];
    case "allocations":
      return [await allocationsRow(context)];
    case "workers":
      return [await workersRow(context)];
    case "classes":
      return [await classesRow(context)];
    case "features":
      return [await featuresRow(context)];
    case "explain":
      return [await explainRow(context)];
    case "tracing":
      return [await tracingRow(context)];
    case "mtls":
      return mtlsRow(context);
    case "octets":
      return [await octetsRow(context)];
    case "go-backend":
      return [await goBackendRow(context)];
    case "h2load":
      return [await h2loadRow(context)];
    case "rate":
      return rateRow(context);
    default:
      return [await comparedRow(context, comparedWork.find((work) => work.row === name)!)];
  }
}

process.exitCode = await main();
