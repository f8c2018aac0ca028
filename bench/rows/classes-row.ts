import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { cellOfFigures } from "../lib/cell-of-figures.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import type { Load } from "../lib/run-loader.ts";
import { startIsobar } from "../lib/start-isobar.ts";
import { describeRuns } from "./describe-runs.ts";

/** CPU per request of ten classes of callers, of that with one: smaller batches, and ten times the connections to endpoints. */
const limit = 1.5;
const callers = 10;
const loads = [
  { what: "10 × 10", connections: 10, streams: 10 },
  { what: "100 × 1", connections: 100, streams: 1 },
] as const;
const way = { host: "127.18.0.1", callers };
/** Pods of one namespace have addresses of the first network, pods of a namespace each of the second. */
const variants = [
  { name: "one namespace", firstCaller: "127.0.1.1" },
  { name: "ten namespaces", firstCaller: "127.0.2.1" },
] as const;
/** Turns that do not count are repeated. */
const mostTurnsPerRepetition = 3;
const portLimitMs = 5_000;

/** What it costs that callers of ten namespaces share neither connections to endpoints nor turns. One process, both loads by turns. */
export async function classesRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "classes",
    title: "captured: connections of ten pods, of one namespace and of ten",
    unit: "CPU µs/request",
    cells: [],
    judgements: [],
  };
  if (!context.options.isobar) return result;
  const runDir = `${places.built}/classes`;
  rmSync(runDir, { recursive: true, force: true });
  const extras = { metrics: false, sections: capturing(runDir) };
  const { ports } = places;
  const started = await startIsobar(context, "isobar-classes", ports.isobarClasses, ports.backends, extras);
  await using _process = started.process;
  const proxy = { ...started, port: await privatePort(`${runDir}/bench/generation.json`) };
  for (const { what, ...shape } of loads)
    await measureLoad(context, proxy, what, { ...shape, ...way }, result);
  return result;
}

async function measureLoad(
  context: Context,
  proxy: RunningProxy,
  what: string,
  load: Load,
  result: RowResult,
): Promise<void> {
  const turns: Run[][] = [];
  const { repetitions } = context.options;
  const counting = (): Run[][] => turns.filter((turn) => turn.every((run) => run.counts));
  while (counting().length < repetitions && turns.length < mostTurnsPerRepetition * repetitions) {
    const runs: Run[] = [];
    for (const { name, firstCaller } of variants) {
      context.progress.show(`classes ${what} ${name} ${turns.length + 1}/${repetitions}`);
      runs.push(await measureRun(context, proxy, { ...load, firstCaller }));
    }
    turns.push(runs);
  }
  for (const [i, { name }] of variants.entries()) {
    const runs = turns.map((turn) => turn[i]!);
    const figures = runs.map((run) => run.cpuMicrosPerRequest);
    result.cells.push(cellOfFigures(`${what} ${name}`, figures, describeRuns(runs), runs));
  }
  const ratios = counting().map(([one, ten]) => ten!.cpuMicrosPerRequest / one!.cpuMicrosPerRequest);
  const enough = ratios.length >= repetitions;
  const reason = enough
    ? `median of ${ratios.length} pairs`
    : `only ${ratios.length} of ${turns.length} pairs count`;
  const ratio = enough ? median(ratios) : null;
  result.judgements.push(judge("classes", `${what}, ten namespaces / one`, ratio, limit, reason));
}

function capturing(runDir: string): string[] {
  const pods = Array.from({ length: callers }, (_, i) => [
    pod(`one-${i}`, "shop", `127.0.1.${1 + i}`),
    pod(`ten-${i}`, `team-${i}`, `127.0.2.${1 + i}`),
  ]);
  return [
    "capture:",
    `  runDir: ${runDir}`,
    "  generation: bench",
    "  anyIp: { ipv4: 127.18.0.0/16 }",
    `  services: [{ service: "${places.authority}", addresses: [10.99.0.1], port: 50051 }]`,
    "callers:",
    ...pods.flat(),
  ];
}

function pod(uid: string, namespace: string, address: string): string {
  return `  - { uid: ${uid}, namespace: ${namespace}, pod: ${uid}, addresses: [${address}] }`;
}

/** @returns the port that captured connections come to, which the kernel chose. */
async function privatePort(file: string): Promise<number> {
  const until = performance.now() + portLimitMs;
  while (performance.now() < until) {
    try {
      const { port } = JSON.parse(readFileSync(file, "utf8")) as { port: number };
      if (port > 0) return port;
    } catch {
      // It is not written yet.
    }
    await sleep(50);
  }
  throw new Error(`${file} does not say the port of captured connections`);
}
