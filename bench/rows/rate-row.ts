import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import type { RowResult } from "../lib/results.ts";
import type { LoaderResult } from "../lib/run-loader.ts";
import { runLoader } from "../lib/run-loader.ts";

const rates = [1000, 5000];

/** Constant rate, as on a node with ordinary traffic: CPU per request and the latency added. No limit, for knowledge. */
export async function rateRow(context: Context): Promise<RowResult[]> {
  const rows: RowResult[] = [];
  for (const rate of rates) {
    rows.push(await oneRate(context, rate));
  }
  return rows;
}

async function oneRate(context: Context, rate: number): Promise<RowResult> {
  const load = { connections: 10, streams: 10, rate };
  const direct: LoaderResult[] = [];
  const runs = new Map<string, Run[]>(context.proxies.map((proxy) => [proxy.name, []]));
  for (let turn = 1; turn <= Math.min(3, context.options.repetitions); turn++) {
    context.progress.show(`rate ${rate}/s ${turn}`);
    direct.push(await runLoader(context, places.ports.backends[0], load));
    for (const proxy of context.proxies.filter((one) => !one.process.exited())) {
      runs.get(proxy.name)!.push(await measureRun(context, proxy, load));
    }
  }
  const middle = (all: LoaderResult[], of: "p50" | "p99") => median(all.map((one) => one.latencyMicros[of]));
  return {
    row: `rate${rate}`,
    title: `${rate} requests/s at a constant rate, 10 connections; direct p50 ${Math.round(middle(direct, "p50"))} µs`,
    unit: "CPU µs/request",
    cells: context.proxies.map((proxy) => {
      const own = runs.get(proxy.name)!;
      const figures = own.map((run) => run.cpuMicrosPerRequest);
      const loaders = own.map((run) => run.loader);
      const added = (of: "p50" | "p99") => Math.round(middle(loaders, of) - middle(direct, of));
      const errors = own.reduce((sum, run) => sum + run.errors, 0);
      return {
        proxy: proxy.name,
        value: median(figures),
        low: Math.min(...figures),
        high: Math.max(...figures),
        note: `adds p50 ${added("p50")} µs, p99 ${added("p99")} µs${errors > 0 ? `, ${errors} errors` : ""}`,
        runs: own,
      };
    }),
    judgements: [],
  };
}
