import { cellOfFigures } from "../lib/cell-of-figures.ts";
import { contendersOf } from "../lib/contenders.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import type { Options } from "../lib/options.ts";
import { places } from "../lib/places.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { Cell, Judgement, RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import type { LoaderResult } from "../lib/run-loader.ts";
import { runLoader } from "../lib/run-loader.ts";
import { unlimitedTurns } from "../lib/unlimited-turns.ts";

const rates = [1000, 5000];
/** CPU per request as a ratio to this peer's, and the median latency added as a ratio to that one's. */
const cpuLimit = { peer: "envoy", ratio: 0.7 };
const latencyLimit = { peer: "haproxy", ratio: 1.1 };

/** One turn: the loader straight to the backends, then through every proxy that takes part. */
interface Turn {
  direct: LoaderResult;
  runs: Map<string, Run>;
}

/** Constant rate, as on a node with ordinary traffic: CPU per request and the latency added, from the scheduled time. */
export async function rateRow(context: Context): Promise<RowResult[]> {
  const rows: RowResult[] = [];
  for (const rate of rates) {
    rows.push(await oneRate(context, rate));
  }
  return rows;
}

async function oneRate(context: Context, rate: number): Promise<RowResult> {
  const { repetitions, rateSeconds } = context.options;
  const load = { connections: 10, streams: 10, rate, seconds: rateSeconds };
  const turns: Turn[] = [];
  while (turns.length < repetitions) {
    context.progress.show(`rate ${rate}/s ${turns.length + 1}/${repetitions}`);
    const direct = await runLoader(context, places.ports.backends[0], load);
    const runs = new Map<string, Run>();
    for (const proxy of rotated(context.proxies, turns.length)) {
      const isLeftOut = !isLimited(context.options, proxy) && turns.length >= unlimitedTurns;
      if (proxy.process.exited() || isLeftOut) continue;
      context.progress.show(`rate ${rate}/s ${proxy.name} ${turns.length + 1}/${repetitions}`);
      runs.set(proxy.name, await measureRun(context, proxy, load));
    }
    turns.push({ direct, runs });
  }
  const directs = turns.map((turn) => turn.direct.latencyMicros);
  const quantiles = (["p50", "p99", "p999"] as const).map((of) =>
    Math.round(median(directs.map((one) => one[of]))),
  );
  const title =
    `${rate} requests/s at a constant rate, 10 connections, ${rateSeconds} s a run; ` +
    `direct p50, p99, p99.9 ${quantiles.join(", ")} µs, max ${Math.round(Math.max(...directs.map((one) => one.max)))} µs`;
  return {
    row: `rate${rate}`,
    title,
    unit: "CPU µs/request",
    cells: context.proxies.map((proxy) => cellOf(proxy, turns)),
    judgements: contendersOf(context.options).flatMap((name) =>
      judgements(context, `rate${rate}`, name, turns),
    ),
  };
}

/** Each turn begins with another proxy, so that none always follows the same one, or a pause. */
function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = by % Math.max(1, items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

function isLimited(options: Options, proxy: RunningProxy): boolean {
  return [...contendersOf(options), cpuLimit.peer, latencyLimit.peer].includes(proxy.name);
}

/** Latency a proxy adds, in µs: its own quantile less that of the direct run of the same turn; the median of all turns. */
function added(name: string, turns: Turn[], of: "p50" | "p99" | "p999"): number {
  return median(
    turns.flatMap(({ direct, runs }) => {
      const run = runs.get(name);
      return run ? [run.loader.latencyMicros[of] - direct.latencyMicros[of]] : [];
    }),
  );
}

function cellOf(proxy: RunningProxy, turns: Turn[]): Cell {
  const runs = turns.flatMap((turn) => turn.runs.get(proxy.name) ?? []);
  const figures = runs.map((run) => run.cpuMicrosPerRequest);
  if (figures.length === 0) return cellOfFigures(proxy.name, figures, "has ended", runs);
  const errors = runs.reduce((sum, run) => sum + run.errors, 0);
  const quantiles = (["p50", "p99", "p999"] as const).map((of) => Math.round(added(proxy.name, turns, of)));
  const longest = Math.round(Math.max(...runs.map((run) => run.loader.latencyMicros.max)));
  const note = `adds p50, p99, p99.9 ${quantiles.join(", ")} µs, max ${longest} µs${errors > 0 ? `, ${errors} errors` : ""}`;
  return cellOfFigures(proxy.name, figures, note, runs);
}

function judgements(context: Context, row: string, contender: string, turns: Turn[]): Judgement[] {
  const present = (peer: string) => context.proxies.some((proxy) => proxy.name === peer);
  const asked = (peer: string) => context.options.peers.some((one) => one === peer);
  const found: Judgement[] = [];
  if (asked(cpuLimit.peer)) {
    const ratios = turns.flatMap(({ runs }) => {
      const [ours, theirs] = [runs.get(contender), runs.get(cpuLimit.peer)];
      return ours && theirs ? [ours.cpuMicrosPerRequest / theirs.cpuMicrosPerRequest] : [];
    });
    const value = present(cpuLimit.peer) && ratios.length > 0 ? median(ratios) : null;
    const what = `CPU, ${contender} / ${cpuLimit.peer}`;
    found.push(judge(row, what, value, cpuLimit.ratio, `median of ${ratios.length} pairs`));
  }
  if (asked(latencyLimit.peer)) {
    const ratios = turns.flatMap(({ direct, runs }) => {
      const [ours, theirs] = [runs.get(contender), runs.get(latencyLimit.peer)];
      if (!ours || !theirs) return [];
      const base = direct.latencyMicros.p50;
      return [(ours.loader.latencyMicros.p50 - base) / (theirs.loader.latencyMicros.p50 - base)];
    });
    const value = present(latencyLimit.peer) && ratios.length > 0 ? median(ratios) : null;
    const what = `p50 added, ${contender} / ${latencyLimit.peer}`;
    found.push(judge(row, what, value, latencyLimit.ratio, `median of ${ratios.length} pairs`));
  }
  return found;
}
