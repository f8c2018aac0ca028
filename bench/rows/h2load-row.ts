import { writeFileSync } from "node:fs";
import { RIGHT_PICK } from "../lib/contenders.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun, measureWork } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import { firstLine } from "../lib/proxy-kinds.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { runProgram } from "../lib/run-program.ts";
import { describeRuns } from "./describe-runs.ts";

const limit = 1.5;
/** Twice the streams of the main row: with 10 each, h2load is busy before the proxy is, and small batches cost more. */
const shape = { connections: 10, streams: 20 };

/** The same load from h2load, a loader of foreign make: CPU per request must agree within 1.5 ×. */
export async function h2loadRow(context: Context): Promise<RowResult> {
  const title = "100 B unary, 10 × 20, loaded by h2load";
  const result: RowResult = { row: "h2load", title, unit: "CPU µs/request", cells: [], judgements: [] };
  if (firstLine("h2load", ["--version"]) === "") {
    context.skipped.set("h2load", "not installed: run bench/install.sh");
    result.judgements.push(judge("h2load", "own / h2load", null, limit, "h2load was skipped"));
    return result;
  }
  for (const proxy of context.proxies.filter(({ name }) => name !== RIGHT_PICK)) {
    const foreign: Omit<Run, "loader">[] = [];
    const own: Run[] = [];
    for (let turn = 1; turn <= Math.min(3, context.options.repetitions); turn++) {
      context.progress.show(`h2load ${proxy.name} ${turn}`);
      own.push(await measureRun(context, proxy, shape));
      foreign.push(await measureWork(context, proxy, () => runH2load(context, proxy)));
    }
    const figures = foreign.map((run) => run.cpuMicrosPerRequest);
    const value = median(figures);
    const apart = value / median(own.map((run) => run.cpuMicrosPerRequest));
    result.cells.push({
      proxy: proxy.name,
      value,
      low: Math.min(...figures),
      high: Math.max(...figures),
      note: `${describeRuns(foreign)}; own loader in turn: ${(value / apart).toFixed(2)} µs, ${describeRuns(own)}`,
      runs: foreign.map((run, at) => ({ h2load: run, own: own[at] })),
    });
    result.judgements.push(
      judge("h2load", `${proxy.name}, h2load / own loader`, Math.max(apart, 1 / apart), limit),
    );
  }
  return result;
}

async function runH2load(context: Context, proxy: RunningProxy) {
  const body = `${places.built}/h2load-body`;
  writeFileSync(body, Buffer.concat([Buffer.from([0, 0, 0, 0, 100, 0x0a, 98]), Buffer.alloc(98)]));
  const args = [
    "-c",
    String(shape.connections),
    "-m",
    String(shape.streams),
    "-D",
    String(Math.max(1, Math.round(context.options.seconds))),
  ];
  args.push("-w", "20", "-W", "24", "-d", body, "-H", `:authority: ${places.authority}`);
  args.push("-H", "content-type: application/grpc", "-H", "te: trailers");
  args.push(`http://127.0.0.1:${proxy.port}/echo.Echo/Unary`);
  const output = await runProgram(context.options.loaderCore, "h2load", args, context.options.seconds);
  const seconds = Number(/finished in ([\d.]+)s/.exec(output)?.[1]);
  const requests = Number(/(\d+) succeeded/.exec(output)?.[1]);
  const failed = Number(/(\d+) failed/.exec(output)?.[1]);
  if (!(seconds > 0) || Number.isNaN(requests)) {
    throw new Error(`h2load printed something unexpected: ${output.slice(-300)}`);
  }
  return { requests, seconds, errors: failed };
}
